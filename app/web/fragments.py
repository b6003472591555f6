"""A cache for parts of pages that are the same for many viewers, such as posts. Each process has its own cache.

The cache key of a part contains everything that the HTML depends on. For example, the key of a post contains the
author's name. If the name changes, so does the key, and the outdated HTML is never found.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from flask import Flask, request
from flask_babel import get_locale
from markupsafe import Markup

from app.models import Post, QuotedPost
from app.queries.post_images import images_of
from app.web.filters import ago

MAX_FRAGMENTS = 2000  # about 5 MB


def init_app(app: Flask) -> None:
    """Add the template function `fragment(key, macro, ...)` and those for its keys, and `images_of(post)`."""
    kept: dict[Hashable, Markup] = {}

    @app.template_global()
    def fragment(key: Hashable, macro: Callable[..., Markup], *arguments: Any) -> Markup:
        """Return the HTML that is cached for `key`. If there is none, call `macro(*arguments)` and cache the result."""
        found = kept.get(key)
        if found is None:
            if len(kept) >= MAX_FRAGMENTS:
                kept.clear()  # simple, and safe with several threads
            found = kept[key] = macro(*arguments)
        return found

    app.jinja_env.globals.update(post_key=post_key, language_key=language_key, images_of=images_of)


def language_key(name: str) -> Hashable:
    """Return the cache key for a part of a page, with this name, whose HTML depends only on the language."""
    return name, request.script_root, get_locale()


def post_key(post: Post, when: Markup, translatable: bool, names_parent: bool) -> Hashable:
    """Return the cache key for the HTML of a post in a list.

    The key must not be used for the HTML that the author of the post sees. `when` is the HTML with the time of the
    post. `translatable` is whether the post has a "Translate" button. `names_parent` is whether a reply shows the name
    of the person it replies to.
    """
    author = post.author
    return (
        request.script_root,
        get_locale(),
        when,
        translatable,
        post.id,
        post.body,
        post.revision,
        post.visibility,
        post.warning,
        tuple((image.id, image.alt, image.thumbnail) for image in images_of(post)),
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
        post.repost_count,
        post.is_reposted,
        post.is_bookmarked,
        post.is_thread_muted,
        _poll_key(post),
        post.quote_of_id,
        _quoted_key(post.quoted) if post.quoted else None,
    )


def _poll_key(post: Post) -> Hashable:
    """Return what the HTML of the post's poll depends on; None if the post has no poll. Options never change."""
    if post.poll_id is None or post.poll is None:
        return None
    poll = post.poll
    votes = tuple(option.votes for option in poll.options)
    return poll.is_over, ago(poll.ends_at, "long"), post.own_choices, poll.voters, votes


def _quoted_key(quoted: QuotedPost) -> Hashable:
    """Return what the card of a quoted post depends on."""
    author = quoted.author
    written = (quoted.id, quoted.body, quoted.language, quoted.warning, quoted.visibility, quoted.has_images)
    return *written, ago(quoted.created_at), author.username, author.display_name, author.avatar
