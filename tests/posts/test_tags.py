"""The page of a tag: which posts it has, how it is reached, and at what cost."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from sqlalchemy import insert

from app.core.database import execute_core
from app.models import Mute, Post, PostTag
from tests.factories import a_follow, a_post, a_user
from tests.posts.test_timelines import everything, posts_on


def write(browser, text, **options):
    answer = browser.post_form("/post", {"post": text, "form_key": text, **options})
    assert answer.status_code == 303


def test_tag_page_lists_posts_and_replies_with_the_tag_newest_first(as_, configure):
    configure(POSTS_PER_PAGE=2)
    ana, ben = as_("ana"), a_user("ben")
    a_post(ben, "no tag, but tea")
    posts = [a_post(ben, "#tea"), a_post(ana.user, "#Tea #milk"), a_post(ben, "#TEA?")]
    a_post(ben, "#teatime")
    answer = ana.post_form(f"/post/{posts[0].id}/reply", {"post": "More #tea", "form_key": "1"})
    reply = int(answer.headers["Location"].rpartition("-")[2])
    expected = [reply, *(post.id for post in reversed(posts))]
    for name in ("tea", "TEA", "téa"):
        assert everything(ana, f"/tag/{name}") == expected


def test_tags_in_posts_link_to_their_pages(as_):
    ana = as_("ana")
    write(ana, "Tea with #café and #نرم‌افزار")
    page = ana.get("/explore").text
    for name in ("café", "نرم‌افزار"):
        path = f"/tag/{quote(name)}"
        assert f'<a class="tag" href="{path}"><bdi>#{name}</bdi></a>' in page
        assert f'<a href="{path}"><bdi>#{name}</bdi></a>' in page  # beside the posts
        shown = ana.get(path).text
        assert f"<h1><bdi>#{name}</bdi></h1>" in shown
        assert len(posts_on(shown)) == 1


@pytest.mark.parametrize("name", ["123", "a b", "a-b", "%20", "%23tea", "x" * 65, "%00", "💥"])
def test_names_that_no_tag_can_have_are_not_found(as_, name):
    assert as_("ana").get(f"/tag/{name}").status_code == 404


def test_tag_page_hides_what_lists_hide(as_, db):
    ana, ben, cleo = as_("ana"), as_("ben"), as_("cleo")
    a_follow(ana.user, ben.user)
    write(ben, "#tea for everyone")
    write(ben, "#tea for followers", visibility="followers")
    write(ben, "@ana #tea for you", visibility="mentioned")
    write(ben, "#tea behind a warning", warning="hot")
    write(cleo, "#tea by someone else")
    assert "for everyone" in ana.get("/tag/tea").text
    assert len(posts_on(ana.get("/tag/tea").text)) == 2
    assert len(posts_on(ana.get("/search?q=%23tea").text)) == 5
    cleo.user.active = False
    db.session.add(Mute(muter_id=ana.user.id, muted_id=ben.user.id))
    db.session.commit()
    assert posts_on(ana.get("/tag/tea").text) == []


def test_tag_page_costs_the_same_at_any_size(as_, db, queries):
    """Two statements: the viewer and the page. The page is read from the index of the tag."""
    ana = as_("ana")
    ana.get("/messages")
    a_post(ana.user, "#tea")
    for number in (0, 200):
        rows = [{"author_id": ana.user.id, "body": "#tea", "search_text": "tea"} for _ in range(number)]
        if rows:
            ids = list(db.session.scalars(insert(Post).returning(Post.id), rows))
            execute_core(insert(PostTag), [{"post_id": one, "key": "tea", "name": "tea"} for one in ids])
            db.session.commit()
        with queries() as asked:
            assert ana.get("/tag/tea").status_code == 200
        assert len(asked) == 2, asked
