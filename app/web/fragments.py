"""Rendered parts of pages that are the same for many viewers, such as posts. Each process keeps the latest ones.

A fragment is found by a key that contains everything that its HTML depends on. So nothing has to be invalidated: when a
name, a language or the age of a post changes, the key changes, too.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from flask import Flask, request
from flask_babel import get_locale
from markupsafe import Markup

from app.models import Post

MAX_FRAGMENTS = 2000  # about 5 MB


def init_app(app: Flask) -> None:
    """Add the template functions `fragment(key, macro, ...)` and `post_key(post, when, translatable, names_parent)`."""
    kept: dict[Hashable, Markup] = {}

    @app.template_global()
    def fragment(key: Hashable, macro: Callable[..., Markup], *arguments: Any) -> Markup:
        """Return `macro(*arguments)`, or what it returned before for the same key."""
        found = kept.get(key)
        if found is None:
            if len(kept) >= MAX_FRAGMENTS:
                kept.clear()  # simple, and safe with several threads
            found = kept[key] = macro(*arguments)
        return found

    app.jinja_env.globals["post_key"] = post_key


def post_key(post: Post, when: Markup, translatable: bool, names_parent: bool) -> Hashable:
    """Return the key of a post as members other than its author see it in a list.

    `when` is its time in the viewer's language and time zone. `translatable` is whether there is a button "Translate".
    `names_parent` is whether a reply names whom it replies to.
    """
    author = post.author
    return (
        request.script_root,
        get_locale(),
        when,
        translatable,
        post.id,
        post.body,
        post.visibility,
        post.warning,
        post.language,
        author.username,
        author.display_name,
        author.avatar,
        post.reply_to_id,
        post.reply_count,
        names_parent,
        post.replied_to,
        post.like_count,
        post.is_liked,
        post.is_bookmarked,
    )
