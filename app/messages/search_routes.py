"""The route for searching the viewer's messages."""

from __future__ import annotations

from collections.abc import Sequence

from flask import render_template, request
from flask_login import login_required
from markupsafe import Markup, escape

from app.lib.text import excerpt as excerpts
from app.lib.text.search import Term, query_terms
from app.messages import bp
from app.messages.queries.search import results_page
from app.web.paging import before_id, page_size
from app.web.viewer import viewer

MAX_QUERY_LENGTH = 200  # characters; longer than any real query


@bp.get("/messages/search")
@login_required
def search() -> str:
    """Show the viewer's messages that contain all words of ?q=, newest first."""
    q = request.args.get("q", "")[:MAX_QUERY_LENGTH].strip()
    terms = query_terms(q)
    hits, older = results_page(viewer(), terms, before_id(), page_size()) if terms else ([], None)
    return render_template("messages/search.html", q=q, terms=terms, hits=hits, older=older)


@bp.app_template_filter("excerpt")
def excerpt(body: str, terms: Sequence[Term]) -> Markup:
    """Return an excerpt of a text around the first search term, as HTML with the terms marked."""
    pieces = excerpts.excerpt(body, terms)
    marked = Markup("<mark>{}</mark>")
    return Markup("").join(marked.format(piece.text) if piece.is_match else escape(piece.text) for piece in pieces)
