"""Routes for profile pages, lists of followers, following and unfollowing."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from flask import abort, flash, render_template, request, url_for
from flask_login import login_required
from sqlalchemy import Select
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import Lazy, _l, isolated
from app.models import User
from app.profiles import actions, bp, queries
from app.profiles.queries import last_seen
from app.queries import follows, people, timelines
from app.web import limits
from app.web.paging import before_id, page_of_entries, page_size
from app.web.responses import flash_error, go_back, here, safe_next
from app.web.viewer import viewer, write_transaction, writes_late


@bp.get("/user/<username>")
@login_required
def show(username: str) -> str:
    """Show a profile, and the member's posts and reposts. The first page begins with the pinned posts."""
    profile = queries.profile(username, viewer()) or abort(404)
    entries = page_of_entries(timelines.of_author(), viewer(), author_id=profile.person.id)
    pinned = queries.pinned_posts(profile, viewer()) if before_id() is None else []
    return render_template(
        "profiles/show.html",
        profile=profile,
        entries=entries,
        pinned=pinned,
        last_seen=_last_seen(profile),
        back=here(),
    )


@bp.get("/user/<username>/popup")
@login_required
def popup(username: str) -> str:
    """Return the hover card of a member: an HTML fragment with the head of the profile page."""
    profile = queries.profile(username, viewer()) or abort(404)
    seen = _last_seen(profile)
    return render_template("profiles/popup.html", profile=profile, last_seen=seen, back=_requesting_page())


@bp.get("/user/<username>/followers")
@login_required
def followers(username: str) -> str:
    """List the followers of a member."""
    person = people.by_username(username) or abort(404)
    return _people("followers", person, follows.followers(viewer().id, person.id))


@bp.get("/user/<username>/following")
@login_required
def following(username: str) -> str:
    """List the members whom a member follows. The viewer's own list also suggests members to follow."""
    person = people.by_username(username) or abort(404)
    return _people("following", person, follows.following(viewer().id, person.id))


@bp.post("/follow/<username>")
@login_required
@limits.changing
@writes_late
def follow(username: str) -> Response:
    """Follow a member."""
    return _change_follow(username, actions.follow, _l("You're following %(name)s."))


@bp.post("/unfollow/<username>")
@login_required
@limits.changing
@writes_late
def unfollow(username: str) -> Response:
    """Unfollow a member."""
    return _change_follow(username, actions.unfollow, _l("You unfollowed %(name)s."))


def _change_follow(username: str, change: Callable[[User, User], None], done: Lazy) -> Response:
    try:
        with write_transaction():
            person = people.by_username(username) or abort(404)
            change(viewer(), person)
        flash(done.filled(name=isolated(person.display_name)), "success")
    except ActionError as refusal:
        flash_error(refusal)
    return go_back(url_for("profiles.show", username=person.username))


def _people(kind: str, person: User, listed: Select[tuple[User]]) -> str:
    rows, older = queries.people_page(listed, viewer(), before_id(), page_size())
    is_own = person.id == viewer().id
    suggested = follows.suggestions(viewer().id) if is_own and kind == "following" else []
    return render_template(
        "profiles/people.html",
        kind=kind,
        person=person,
        rows=rows,
        older=older,
        suggested=suggested,
        back=here(),
    )


def _last_seen(profile: queries.Profile) -> str:
    return "" if profile.relation.is_blocked_either_way else last_seen(profile.person)


def _requesting_page() -> str:
    """Return the path and query string of the page on which the hover card is shown, from the Referer header.

    Return "" if the page is unknown or does not belong to this site.
    """
    try:
        around = urlsplit(request.referrer or "")
    except ValueError:  # an unclosed bracket
        return ""
    if around.netloc != request.host:
        return ""
    return safe_next(around.path + (f"?{around.query}" if around.query else "")) or ""
