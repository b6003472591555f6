"""Rendered posts are kept for other viewers. Whatever a post shows changes with its sources at once."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

from app.core.time import now
from app.models import Post, PostImage
from tests.factories import a_follow, a_post, a_user


@pytest.fixture
def ben(db):
    return a_user("ben", name="Ben")


@pytest.fixture
def ana(as_, ben):
    """A follower of ben, who has loaded the only post there is."""
    browser = as_("ana")
    a_follow(browser.user, ben)
    a_post(ben, "Ahoy", language="de", created_at=now() - timedelta(minutes=5, seconds=10))
    browser.first = article(browser)
    return browser


def article(browser, path="/") -> str:
    """The HTML of the first post of a page."""
    return unescape(re.search(r"<article.*?</article>", browser.get(path).text, re.DOTALL)[0])


def test_two_viewers_and_two_pages_show_the_same(ana, as_, ben):
    assert article(ana) == article(as_("cleo"), "/explore") == article(ana, "/user/ben") == ana.first
    assert "Report post" in ana.first


@pytest.mark.parametrize(
    ("change", "gone", "seen"),
    [
        ({"name": "Benedict"}, "Ben's post", "Benedict's post"),
        ({"username": "benedict"}, '/user/ben"', '/user/benedict"'),
        ({"avatar": "0123456789ab"}, None, "0123456789ab"),
    ],
)
def test_a_change_of_the_author_shows_at_once(ana, ben, db, change, gone, seen):
    for name, value in change.items():
        setattr(ben, name, value)
    db.session.commit()
    after = article(ana)
    assert seen in after
    assert gone is None or (gone in ana.first and gone not in after)


def test_a_corrected_language_shows_at_once(ana, ben, as_):
    assert 'lang="de"' in ana.first
    post_id = re.search(r'id="post-(\d+)"', ana.first)[1]
    assert as_(ben).post_form(f"/post/{post_id}/language", {"language": "fr"}).status_code == 303
    assert 'lang="fr"' in article(ana)


def test_a_new_thumbnail_shows_at_once(ana, db):
    post = db.session.get_one(Post, int(re.search(r'id="post-(\d+)"', ana.first)[1]))
    image = PostImage(post_id=post.id, position=0, file="a" * 32 + ".webp", thumbnail="", alt="", width=60, height=40)
    post.has_images = True
    db.session.add(image)
    db.session.commit()
    url = f'src="/post/image/{image.id}'
    assert f'{url}"' in article(ana)
    image.thumbnail = "b" * 32 + ".webp"
    db.session.commit()
    assert f'{url}/thumbnail"' in article(ana)


def test_the_age_follows_the_clock(ana, time_machine):
    assert ">5m<" in ana.first
    time_machine.move_to(now() + timedelta(minutes=2))
    assert ">7m<" in article(ana)


def test_each_viewer_has_their_language_and_time_zone(ana, as_, db):
    cleo = as_("cleo")
    cleo.user.language, cleo.user.timezone = "es", "Asia/Tokyo"
    db.session.commit()
    theirs = article(cleo, "/explore")
    title = re.compile(r'title="([^"]+)" data-relative')
    assert title.search(theirs)[1] != title.search(ana.first)[1]
    assert "Report post" not in theirs
    assert article(ana) == ana.first


def test_the_author_and_visitors_get_no_copy_for_others(ana, as_, ben):
    own = article(as_(ben))
    assert "Delete post" in own
    assert "Report post" not in own
    assert article(ana) == ana.first


def test_the_button_translate_follows_the_setting(ana, configure):
    assert "data-translate-url" not in ana.first
    configure(TRANSLATE_URL="http://127.0.0.1:1")
    assert "data-translate-url" in article(ana)


def test_only_the_latest_posts_are_kept(ana, ben, monkeypatch):
    monkeypatch.setattr("app.web.fragments.MAX_FRAGMENTS", 3)
    for number in range(7):
        a_post(ben, f"Number {number}")
    page = ana.get("/").text
    assert ana.get("/").text.count("<article") == page.count("<article") == 8
