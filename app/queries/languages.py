"""Lists of posts in the languages that the viewer reads: Explore, tags and search.

If a viewer has chosen no languages, the lists are those of app/queries/timelines.py. Otherwise, posts in other
languages are left out, except those by the viewer. Posts without a language are never left out. The choice doesn't
affect Home, profiles, threads, and a member's likes and bookmarks, because the viewer chose these people and posts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, TypeVar

from sqlalchemy import Select, String, bindparam, or_, select, union

from app.core.database import built_once
from app.lib.text.languages import same_for_readers
from app.models import Post, User
from app.queries import timelines

Found = TypeVar("Found", bound=Select[*tuple[Any, ...]])
Timeline = tuple[Select[Post], dict[str, Any]]  # a query, and the values of its bind parameters


def read_by(viewer: User) -> list[str]:
    """Return the languages of posts in lists, including "" for posts without a language; [] for all languages."""
    chosen = viewer.reading_languages.split(",") if viewer.reading_languages else []
    return sorted({"", *(code for one in chosen for code in same_for_readers(one))}) if chosen else []


def explore(viewer: User) -> Timeline:
    """Return the query of a page of Explore. The remaining bind parameters are those of `page_parameters`.

    With chosen languages, the newest posts in each of them are read from an index and merged. So the cost depends on
    the number of these languages, not on the number of posts in other languages.
    """
    languages = read_by(viewer)
    if not languages:
        return timelines.explore(), {}
    return _explore(len(languages))(), {_parameter(at): code for at, code in enumerate(languages)}


def of_tag(viewer: User) -> Timeline:
    """Return the query of a page of a tag. The remaining bind parameters are those of `timelines.of_tag`."""
    languages = read_by(viewer)
    return (_of_tag(), {"languages": languages}) if languages else (timelines.of_tag(), {})


def only(posts: Found, languages: Sequence[str]) -> Found:
    """Restrict the query `posts` to these languages, the result of `read_by`, and to the viewer's own posts."""
    return posts.where(_is_in(list(languages))) if languages else posts


def _is_in(languages: Any) -> Any:
    return or_(Post.language.in_(languages), Post.author_id == timelines.VIEWER_ID)


def _parameter(at: int) -> str:
    return f"language_{at}"


@built_once
def _of_tag() -> Select[Post]:
    return timelines.of_tag().where(_is_in(bindparam("languages", expanding=True)))


@cache
def _explore(number: int) -> Callable[[], Select[Post]]:
    """Return the function that returns the query of Explore for this number of languages."""
    return built_once(partial(_build_explore, number))


def _build_explore(number: int) -> Select[Post]:
    roots = timelines.listed_ids().where(*timelines.open_roots(Post))
    codes = [bindparam(_parameter(at), type_=String) for at in range(number)]
    parts = [roots.where(Post.language == code) for code in codes]
    parts.append(roots.where(Post.author_id == timelines.VIEWER_ID))
    newest = [select(timelines.page_of(part).subquery().c.id) for part in parts]
    merged = union(*newest).subquery()  # without duplicates: a post by the viewer may be in two parts
    found = select(merged.c.id).order_by(merged.c.id.desc()).limit(timelines.WITH_NEXT).subquery("found")
    return timelines.visible().join(found, found.c.id == Post.id).order_by(Post.id.desc())
