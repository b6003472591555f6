"""The house's rules that no linter knows, each with its why."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import flask_migrate

from app.config import ROOT
from app.extensions import Base
from app.jobs import definitions

SOURCES = sorted((ROOT / "app").rglob("*.py"))


def calls(path: Path, attribute: str) -> list[int]:
    tree = ast.parse(path.read_text())
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == attribute
        and "session" in ast.unparse(node.func.value)
    ]


def imports(path: Path) -> set[str]:
    """Return the modules that `path` imports, and the names it takes from them, as dotted paths."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def is_entry_point(path: Path) -> bool:
    return re.search(r"^@(bp\.|job\(|click\.command|\w+\.command)", path.read_text(), re.MULTILINE) is not None


def may_commit(path: Path) -> bool:
    relative = path.relative_to(ROOT / "app")
    return is_entry_point(path) or str(relative) == "core/database.py" or relative.parts[0] == "demo"


def test_only_entry_points_commit():
    """An action that commits cannot be combined with another one: half of a change could be kept."""
    assert [str(path) for path in SOURCES if not may_commit(path) and calls(path, "commit")] == []


def test_every_commit_uses_the_application_session():
    """A commit on a connection or a transaction object would not write the outbox, nor push the jobs.

    `Session.begin()` refuses to begin a transaction, so `with db.session.begin()` is no way around it either.
    """
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        receivers = {
            ast.unparse(node.func.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
        }
        assert receivers <= {"db.session", "session", "super()"}, path
        assert not _names(path) & {"sessionmaker", "scoped_session"}, path


def test_only_listed_modules_write_outside_the_session():
    """What they write is in no outbox, so nobody can be notified of it: `last_seen`, and heartbeats of jobs."""
    direct = re.compile(r"\bengine\.(begin|connect|raw_connection)\(|\bwrite_in_separate_transaction\(\)")
    users = {str(path.relative_to(ROOT / "app")) for path in SOURCES if direct.search(path.read_text())}
    assert users == {"core/database.py", "jobs/runner.py", "run/prepare.py", "web/viewer.py"}


def _names(path: Path) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}


def test_actions_queries_and_forms_import_no_entry_point():
    """An action enqueues a job by its name, as a template links to an endpoint, so that any entry point can call it."""
    entry_points = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in SOURCES if is_entry_point(path)}
    for path in SOURCES:
        parts = path.relative_to(ROOT / "app").with_suffix("").parts[1:]
        if parts and parts[0] in {"actions", "queries", "forms"}:
            assert imports(path) & entry_points == set(), path


def test_no_file_exceeds_400_lines():
    """A file near 400 lines usually holds two ideas."""
    assert [str(path) for path in SOURCES if len(path.read_text().splitlines()) > 400] == []


def test_no_module_is_too_small():
    """A module of a few lines with a single importer belongs into that importer."""
    importers = {path: imports(path) for path in SOURCES}
    for path in SOURCES:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if path.name.startswith("__") or len(path.read_text().splitlines()) >= 25:
            continue
        users = [user for user, imported in importers.items() if name in imported]
        registers_itself = users == [path.with_name("__init__.py")]  # an entry point or a model
        assert len(users) > 1 or registers_itself, name


def test_no_view_exceeds_30_lines():
    """A view loads, checks, acts once and answers; more is an action in hiding."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and any("bp." in ast.unparse(d) for d in node.decorator_list):
                assert (node.end_lineno or 0) - node.lineno < 30, f"{path.name}:{node.name}"


def test_every_enqueued_job_is_declared_and_used(app):
    """Names are strings, so that doors need not be imported; a typing error must not wait for production."""
    ordered = set()
    for path in SOURCES:
        text = path.read_text()
        constants = dict(re.findall(r"^([A-Z_]+) = (\"[a-z_.]+\")$", text, re.MULTILINE))
        for name in re.findall(r"\benqueue(?:_at|_once)?\(\s*(\"[a-z_.]+\"|[A-Z][A-Z_]+)", text):
            ordered.add(constants.get(name, name).strip('"'))
        # What is ordered under one of several names, as mail and digest are, has constants that say so.
        ordered |= {name.strip('"') for constant, name in constants.items() if constant.endswith("_JOB")}
    ours = {name: job for name, job in definitions.items() if job.function.__module__.startswith("app.")}
    assert ordered | {name for name, job in ours.items() if job.every} == set(ours)


def test_migrations_match_the_models(app):
    """A column or an index that only one of the two knows is there for new sites, or for old ones, but not for all."""
    with app.app_context():
        flask_migrate.check()
    for table in Base.metadata.sorted_tables:
        names = [index.name for index in table.indexes]
        assert len(names) == len(set(names)), table.name


def test_templates_have_no_inline_scripts_or_styles():
    """The Content-Security-Policy would block it, silently, for the reader only."""
    for path in sorted((ROOT / "app/templates").rglob("*.html")):
        if "email" in path.parts:
            continue
        text = path.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path.name
        assert not re.search(r"\sstyle=|\son[a-z]+=\"|javascript:", text), path.name


def test_pages_load_nothing_from_other_sites():
    """A page view concerns nobody else."""
    for path in [*sorted((ROOT / "app/templates").rglob("*.*")), *sorted((ROOT / "app/static").rglob("*.*"))]:
        if path.suffix in {".html", ".css", ".js"} and "email" not in path.parts:
            assert not re.search(r"(src|href)=\"https?://|(url\(|@import )['\"]?(https?:)?//", path.read_text()), (
                path.name
            )


def test_shared_statements_are_built_by_one_thread():
    """SQLAlchemy creates the columns of an alias on first use. Two threads may create them twice, and one fails."""
    for path in sorted((ROOT / "app").rglob("*.py")):
        text = path.read_text()
        assert not re.search(r"^\w.* = .*\baliased\(", text, re.M), f"{path}: use shared_alias"
        assert not re.search(r"^@cache\ndef \w+\(.*\) -> (Select|Update|Insert|Delete)", text, re.M), (
            f"{path}: built_once"
        )
