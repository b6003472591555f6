"""Routes for a member's own lists of people. To all other members, a list doesn't exist."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, flash, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import Lazy, _, _l, isolated
from app.lists import actions, bp, queries
from app.models import User, UserList
from app.queries import home, people
from app.web import limits
from app.web.paging import page, page_of_posts
from app.web.responses import flash_error, go_back
from app.web.url_converters import ID
from app.web.viewer import viewer, write_transaction, writes_late

LIST_ID = f"/list/<{ID}:list_id>"


@bp.get("/lists")
@login_required
def index() -> str:
    """Show the viewer's lists, and a form for a new list."""
    return _index()


@bp.post("/lists")
@login_required
@limits.changing
@writes_late
def create() -> str | Response | tuple[str, int]:
    """Create a list with the name `name`, and redirect to the page where people are added."""
    name = request.form.get("name", "")
    try:
        with write_transaction():
            made = actions.create(viewer(), name).id
    except ActionError as refusal:
        flash_error(refusal)
        return _index(name), 422
    return redirect(url_for("lists.members", list_id=made), 303)


@bp.get(LIST_ID)
@login_required
def show(list_id: int) -> str:
    """Show the posts of the people on a list, newest first."""
    this = _one(list_id)
    posts = page_of_posts(home.of_list(), viewer(), list_id=this.id)
    return render_template("lists/show.html", this=this, posts=posts)


@bp.get(f"{LIST_ID}/people")
@login_required
def members(list_id: int) -> str:
    """Show the people on a list, and the forms that change the list."""
    return _members(list_id)


@bp.post(f"{LIST_ID}/rename")
@login_required
@limits.changing
@writes_late
def rename(list_id: int) -> str | Response | tuple[str, int]:
    """Rename a list."""
    _one(list_id)
    try:
        with write_transaction():
            actions.rename(viewer(), list_id, request.form.get("name", ""))
    except ActionError as refusal:
        flash_error(refusal)
        return _members(list_id, name=request.form.get("name", "")), 422
    flash(_("Changes saved."), "success")
    return redirect(url_for("lists.members", list_id=list_id), 303)


@bp.post(f"{LIST_ID}/delete")
@login_required
@limits.changing
@writes_late
def delete(list_id: int) -> Response:
    """Delete a list. If it no longer exists, respond as if it had just been deleted."""
    with write_transaction():
        actions.remove_list(viewer(), list_id)
    flash(_("List deleted."), "success")
    return redirect(url_for("lists.index"), 303)


@bp.post(f"{LIST_ID}/add")
@login_required
@limits.changing
@writes_late
def add(list_id: int) -> Response:
    """Add the person with the username `username` to a list."""
    return _change(list_id, actions.add, _l("You added %(name)s to the list."))


@bp.post(f"{LIST_ID}/remove")
@login_required
@limits.changing
@writes_late
def remove(list_id: int) -> Response:
    """Remove the person with the username `username` from a list."""
    return _change(list_id, actions.remove, _l("You removed %(name)s from the list."))


@bp.get("/user/<username>/lists")
@login_required
def of_person(username: str) -> str:
    """Show which of the viewer's lists a person is on, with buttons that add and remove them."""
    person = people.by_username(username) or abort(404)
    return render_template("lists/person.html", person=person, rows=queries.with_person(viewer(), person))


def _one(list_id: int) -> UserList:
    return queries.one(viewer(), list_id) or abort(404)


def _index(name: str = "") -> str:
    return render_template("lists/index.html", lists=queries.all_of(viewer()), name=name)


def _members(list_id: int, *, name: str | None = None) -> str:
    this = _one(list_id)
    found = page(queries.people_on(viewer(), list_id), User.id)
    return render_template("lists/members.html", this=this, people=found, name=this.name if name is None else name)


def _person(username: str) -> User:
    person = people.by_username(username)
    if person is None:
        raise ActionError(_l("There's no one with this username."))
    return person


def _change(list_id: int, change: Callable[[User, int, User], None], done: Lazy) -> Response:
    _one(list_id)
    try:
        with write_transaction():
            person = _person(request.form.get("username", "").strip().removeprefix("@"))
            change(viewer(), list_id, person)
        flash(done.filled(name=isolated(person.display_name)), "success")
    except ActionError as refusal:
        flash_error(refusal)
    return go_back(url_for("lists.members", list_id=list_id))
