"""Views that handle POST write in a `write_transaction()` block (docs/decisions/0001)."""

from __future__ import annotations

import ast

import pytest

from app.config import ROOT

SOURCES = [
    path for path in sorted((ROOT / "app").rglob("*.py")) if ".post(" in (text := path.read_text()) or '"POST"]' in text
]


def posts(decorator: ast.expr) -> bool:
    """Return whether a decorator registers a view for POST."""
    called = ast.unparse(decorator)
    return called.startswith("bp.post(") or (called.startswith("bp.route(") and "'POST'" in called)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_post_views_take_the_write_lock_late(path):
    """Otherwise SQLite's write lock is held from the first query of the request until its last template."""
    for view in ast.walk(ast.parse(path.read_text())):
        if isinstance(view, ast.FunctionDef) and any(map(posts, view.decorator_list)):
            named = [ast.unparse(decorator) for decorator in view.decorator_list]
            assert "writes_late" in named, f"{view.name} needs @writes_late and a write_transaction() block"
            assert ".session.commit()" not in ast.unparse(view), f"{view.name} commits outside write_transaction()"
