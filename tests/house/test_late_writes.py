"""Views that handle POST write in a `write_transaction()` block, and check the viewer in it (docs/decisions/0001)."""

from __future__ import annotations

import ast
import re

import pytest

from app.config import ROOT

SOURCES = [
    path for path in sorted((ROOT / "app").rglob("*.py")) if ".post(" in (text := path.read_text()) or '"POST"]' in text
]

IMPORTED = re.compile(r"^from app\.core\.database import .*\bwrite_transaction\b", re.MULTILINE)


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


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_views_for_members_check_the_viewer_again(path):
    """Otherwise a member who was just suspended or logged out can still write."""
    for view in ast.walk(ast.parse(path.read_text())):
        if isinstance(view, ast.FunctionDef):
            named = [ast.unparse(decorator) for decorator in view.decorator_list]
            if "login_required" in named or any(name.startswith("role_required") for name in named):
                assert "sessions.write_transaction()" not in ast.unparse(view), (
                    f"{view.name}: see app/accounts/sessions.py"
                )
                assert not IMPORTED.search(path.read_text()), f"{view.name}: use write_transaction of app.web.viewer"
