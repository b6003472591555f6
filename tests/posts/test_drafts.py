"""A post that is being written is kept on the server until it is sent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.core.time import now
from app.models import Post, PostDraft
from app.posts import drafts
from tests.support.forms import fill

DRAFT = "/post/draft"


def write(browser, text, key="key-1", **fields):
    """Save a draft as the composer does; what the server answers."""
    return browser.post_form(DRAFT, {"post": text, "form_key": key, **fields}).json


def shown(browser):
    """What the composer on the home page holds: text, form key and language."""
    _address, fields = fill(browser.get("/").text, {}, "/", "/post")
    return fields["post"].replace("\r\n", "\n").removeprefix("\n"), fields["form_key"], fields["language"]


@pytest.fixture
def ana(as_):
    return as_("ana")


def test_a_draft_is_there_again_on_another_device(ana, as_):
    assert write(ana, "half a thought", language="es") == {"saved": True, "form_key": "key-1"}
    assert shown(as_(ana.user)) == ("half a thought", "key-1", "es")
    assert shown(as_("ben"))[0] == ""


def test_sending_ends_it_everywhere(ana, db):
    write(ana, "a whole thought")
    write(ana, "a whole thought ", key="another tab")
    assert ana.post_form("/post", {"post": "a whole thought", "form_key": "key-1"}).status_code == 303
    text, key, _language = shown(ana)
    assert text == ""
    assert key not in {"key-1", "another tab"}
    assert db.session.scalars(select(Post.body)).all() == ["a whole thought"]


def test_a_save_that_arrives_after_the_post_is_not_kept(ana):
    ana.post_form("/post", {"post": "sent", "form_key": "key-1"})
    answer = write(ana, "sen")
    assert answer["saved"] is False
    assert answer["form_key"] != "key-1"
    assert shown(ana)[0] == ""
    assert write(ana, "the next", key=answer["form_key"])["saved"] is True
    assert shown(ana)[0] == "the next"


def test_two_pages_keep_two_drafts(ana, as_):
    write(ana, "about the tide", key="one")
    write(ana, "about the moon", key="two")
    assert shown(ana)[0] == "about the moon"
    assert ana.get(f"{DRAFT}?form_key=one").json["text"] == "about the tide"
    ana.post_form("/post", {"post": "about the moon", "form_key": "two"})
    assert shown(ana)[0] == "about the tide"
    write(ana, "  ", key="one")
    assert shown(ana)[0] == ""


def test_a_post_that_is_refused_keeps_its_draft(ana, configure):
    configure(POST_MAX_LENGTH=5)
    write(ana, "too long")
    assert ana.post_form("/post", {"post": "too long", "form_key": "key-1"}).status_code == 422
    assert shown(ana)[:2] == ("too long", "key-1")


@pytest.mark.parametrize("text", ["x" * 20_001, "a"])
def test_a_malformed_save_is_refused(ana, text):
    key = "" if text == "a" else "key-1"
    assert ana.post_form(DRAFT, {"post": text, "form_key": key}).status_code == 400


@pytest.mark.parametrize("text", ["\x00 null", "😀" * 5000, "<script>", "א\u202eב"])
def test_any_text_is_kept(ana, text):
    assert write(ana, text)["saved"] is True
    assert shown(ana)[0] == text.replace("\x00", "")


def test_so_many_drafts_and_no_more(ana, db):
    for number in range(drafts.MAX_DRAFTS + 3):
        write(ana, f"thought {number}", key=f"key-{number}")
    assert len(db.session.scalars(select(PostDraft)).all()) == drafts.MAX_DRAFTS
    assert ana.get(f"{DRAFT}?form_key=key-0").json["text"] == f"thought {drafts.MAX_DRAFTS + 2}"


def test_sent_drafts_are_forgotten_and_others_are_not(ana, db, run_jobs):
    write(ana, "kept")
    ana.post_form("/post", {"post": "sent", "form_key": "key-2"})
    db.session.execute(update(PostDraft).values(saved_at=now() - timedelta(days=2)))
    db.session.commit()
    assert drafts.delete_old() == 1
    assert drafts.delete_old() == 0
    assert db.session.scalars(select(PostDraft.body)).all() == ["kept"]


def test_only_members_have_drafts(client, ana):
    assert client.get(DRAFT).status_code in {302, 303, 401}
    assert client.post_form(DRAFT, {"post": "x", "form_key": "k"}).status_code in {302, 303, 401}
    assert ana.post(DRAFT, data={"post": "x", "form_key": "k"}).status_code == 400
