"""Door (HTTP): finding posts and people."""

from __future__ import annotations

from flask import render_template, request
from flask_login import login_required

from app.posts import bp
from app.queries import search as found
from app.text.search import query_terms
from app.web.paging import Page, page
from app.web.viewer import viewer

LONGEST_QUERY = 200  # characters; more than anybody types


@bp.get("/search")
@login_required
def search() -> str:
    """Posts, or with ?in=people people, that have all the words of ?q=."""
    q = request.args.get("q", "")[:LONGEST_QUERY].strip()
    kind = "people" if request.args.get("in") == "people" else "posts"
    terms = query_terms(q)
    results: Page[object] = Page([], None)
    if terms:
        results = page(*(found.people(viewer(), terms) if kind == "people" else found.posts(viewer(), terms)))
    return render_template("posts/search.html", q=q, kind=kind, results=results)
