"""Routes for searching posts, people and tags, and for completing names while the user types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import jsonify, render_template, request
from flask_login import login_required
from werkzeug.wrappers import Response

from app.lib.text.rich import clean
from app.lib.text.search import query_terms
from app.models import User
from app.posts import bp
from app.queries import languages, name_prefixes, quotes
from app.queries import search as found
from app.web import limits
from app.web.filters import avatar_url
from app.web.paging import Page, before_id, cut, page, page_size
from app.web.viewer import viewer

MAX_QUERY_LENGTH = 200  # characters; longer than any real query
MAX_NAME_LENGTH = 64  # characters of the beginning of a name
PEOPLE_SHOWN = 3  # above the posts
TAGS_SHOWN = 6  # above the posts
SUGGESTIONS = 8  # maximum number of suggestions while the user types


@dataclass(frozen=True)
class TopResults:
    """The people and tags shown above the posts on the first page of search results."""

    people: Sequence[User] = ()
    has_more_people: bool = False
    tags: Sequence[str] = ()


@bp.get("/search")
@login_required
def search() -> str:
    """Show posts that contain all words of ?q=. With ?in=people, show people whose names contain these words instead.

    The first page of posts also shows matching people and tags.
    """
    q = clean(request.args.get("q", ""))[:MAX_QUERY_LENGTH].strip()
    kind = "people" if request.args.get("in") == "people" else "posts"
    terms = query_terms(q)
    results: Page[Any] = Page([], None)
    above = TopResults()
    if terms and kind == "people":
        results = page(*found.people(viewer(), terms))
    elif terms:
        query = found.posts(terms, before=before_id(), size=page_size(), read=languages.read_by(viewer()))
        posts = cut(query, {"viewer_id": viewer().id}, size=page_size())
        quotes.load(viewer(), posts.items)
        results = posts
        above = _top_results(q) if before_id() is None else above
    return render_template("posts/search.html", q=q, kind=kind, results=results, above=above)


@bp.get("/suggestions")
@login_required
@limits.suggesting
def suggest() -> Response:
    """Return people whose names match ?q=, as JSON. With ?in=tags, return tags that begin with ?q= instead."""
    q = clean(request.args.get("q", ""))[:MAX_NAME_LENGTH]
    if request.args.get("in") == "tags":
        return jsonify([{"text": f"#{tag}"} for tag in name_prefixes.tags_named(viewer(), q, SUGGESTIONS)])
    return jsonify(
        [_suggested(user) for user in name_prefixes.people_named(viewer(), q, SUGGESTIONS, with_viewer=False)]
    )


def _suggested(user: User) -> dict[str, Any]:
    return {"text": f"@{user.username}", "name": user.display_name, "avatar": avatar_url(user)}


def _top_results(q: str) -> TopResults:
    words = q.split()
    people: Sequence[User] = ()
    if not q.startswith(("#", "＃")):
        people = name_prefixes.people_named(viewer(), q, PEOPLE_SHOWN + 1)
    is_one_tag = len(words) == 1 and not q.startswith(("@", "＠"))
    tags = name_prefixes.tags_named(viewer(), q, TAGS_SHOWN) if is_one_tag else []
    return TopResults(people[:PEOPLE_SHOWN], len(people) > PEOPLE_SHOWN, tags)
