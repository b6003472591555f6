# The whole project from a Python 3.11+, make and pip. `make` alone lists what there is.

PYTHON ?= python3
VENV := .venv/bin
PYTEST := $(VENV)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help run demo test check e2e bench messages runtime dev
.NOTPARALLEL:

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: runtime  ## set up what is missing, start everything, print the address; Ctrl-C ends it
	@exec $(VENV)/python -m app.run

demo: runtime  ## fill the site with a community to look at
	@exec $(VENV)/python -m app.run demo

test: dev  ## the whole suite, on SQLite and then on PostgreSQL
	@$(PYTEST) -n 3 --dist worksteal -m "not e2e" --database=sqlite
	@$(PYTEST) -n 3 --dist worksteal -m "not e2e" --database=postgresql

check: dev  ## lint, format, types, imports, templates, catalogs, house rules
	@$(VENV)/ruff check --quiet
	@$(VENV)/ruff format --check --quiet
	@$(VENV)/mypy --no-error-summary
	@said=$$($(VENV)/lint-imports --no-logo) || { echo "$$said"; exit 1; }
	@$(VENV)/djlint app/templates --lint --quiet
	@$(VENV)/flask translate check
	@$(PYTEST) tests/house

e2e: dev  ## drive two real browsers against the real stack
	@$(PYTEST) -n 3 --dist loadfile tests/e2e tests/js -m e2e

bench: dev  ## measure each promise about speed against a floor of the same run
	@$(VENV)/python -m bench

messages: dev  ## bring the catalogs up to the source's strings
	@$(VENV)/flask translate update

runtime:
	@$(PYTHON) app/run/bootstrap.py runtime

dev:
	@$(PYTHON) app/run/bootstrap.py dev
