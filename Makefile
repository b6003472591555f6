# The whole project from a Python 3.11+, make and pip. `make` alone lists what there is.

PYTHON ?= python3
VENV := .venv/bin
PYTEST := $(VENV)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help run demo dev test test-all format check e2e bench bench-pages profile diagram screenshots messages runtime packages
.NOTPARALLEL:
# Where it is set, every process of the tests compiles the whole app again.
unexport PYTHONDONTWRITEBYTECODE

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: runtime  ## set up what is missing, start everything, print the address; Ctrl-C ends it
	@exec $(VENV)/python -m app.run

demo: runtime  ## fill the site with a community to look at
	@exec $(VENV)/python -m app.run demo

dev: packages  ## like run, but restart what you change and log the SQL statements
	@exec $(VENV)/python -m app.run dev

test: packages  ## the fast tests on SQLite and PostgreSQL; T=tests/messages runs all tests of a folder
ifdef T
	@$(PYTEST) -n 2 --dist worksteal --database=both -m "not e2e" $(T)
else
	@$(PYTEST) -n 3 --dist worksteal --database=both -m "not slow and not e2e"
endif

test-all: test  ## the fast tests, then the slow proofs: kills, races, explorations, the visibility matrix
	@$(PYTEST) -n 4 --dist worksteal --database=both -m "slow and not e2e"

format: packages  ## format the code and the templates' imports as `make check` wants them
	@$(VENV)/ruff check --quiet --fix
	@$(VENV)/ruff format --quiet

check: packages  ## lint, format, spelling, types, imports, templates, catalogs, house rules
	@$(VENV)/ruff check --quiet
	@$(VENV)/ruff format --check --quiet
	@$(VENV)/codespell app bench deploy docs tools microblog.py worker.py *.md
	@$(VENV)/mypy --no-error-summary
	@said=$$($(VENV)/lint-imports --no-logo) || { echo "$$said"; exit 1; }
	@$(VENV)/djlint app/templates --lint --quiet
	@$(VENV)/flask translate check
	@$(PYTEST) tests/house

e2e: packages  ## drive two real browsers against the real stack
	@$(PYTEST) -n 3 --dist loadfile tests/e2e tests/js -m e2e

bench: packages  ## measure the performance targets; most are ratios to a baseline measured in the same run
	@$(VENV)/python -m bench

bench-pages: packages  ## weigh the pages on a slow phone and check their budgets; needs Chromium
	@$(VENV)/python -m bench.pages

profile: packages  ## print what each hot request costs; R=home prints the functions of one
	@$(VENV)/python -m bench.profile $(R)

diagram: packages  ## draw the imports between packages in docs/architecture.md
	@$(VENV)/python -m tools.package_diagram

screenshots: packages  ## take the pictures of the README from the demo; needs Chromium
	@$(VENV)/python -m tools.screenshots

messages: packages  ## bring the catalogs up to the source's strings
	@$(VENV)/flask translate update

runtime:
	@$(PYTHON) app/run/bootstrap.py runtime

packages:
	@$(PYTHON) app/run/bootstrap.py dev
