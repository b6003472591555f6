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


def composer_content(browser):
    """What the composer on the home page holds: text, form key and language."""
    _address, fields = fill(browser.get("/").text, {}, "/", "/post")
    return fields["post"].replace("\r\n", "\n").removeprefix("\n"), fields["form_key"], fields["language"]


@pytest.fixture
def ana(as_):
    return as_("ana")


def test_draft_is_restored_on_another_device(ana, as_):
    assert write(ana, "half a thought", language="es") == {"saved": True, "form_key": "key-1"}
    assert composer_content(as_(ana.user)) == ("half a thought", "key-1", "es")
    assert composer_content(as_("ben"))[0] == ""


def test_sending_a_post_deletes_its_drafts(ana, db):
    write(ana, "a whole thought")
    write(ana, "a whole thought ", key="another tab")
    assert ana.post_form("/post", {"post": "a whole thought", "form_key": "key-1"}).status_code == 303
    text, key, _language = composer_content(ana)
    assert text == ""
    assert key not in {"key-1", "another tab"}
    assert db.session.scalars(select(Post.body)).all() == ["a whole thought"]


def test_draft_saved_after_the_post_was_sent_is_discarded(ana):
    ana.post_form("/post", {"post": "sent", "form_key": "key-1"})
    answer = write(ana, "sen")
    assert answer["saved"] is False
    assert answer["form_key"] != "key-1"
    assert composer_content(ana)[0] == ""
    assert write(ana, "the next", key=answer["form_key"])["saved"] is True
    assert composer_content(ana)[0] == "the next"


def test_two_pages_keep_separate_drafts(ana, as_):
    write(ana, "about the tide", key="one")
    write(ana, "about the moon", key="two")
    assert composer_content(ana)[0] == "about the moon"
    assert ana.get(f"{DRAFT}?form_key=one").json["text"] == "about the tide"
    ana.post_form("/post", {"post": "about the moon", "form_key": "two"})
    assert composer_content(ana)[0] == "about the tide"
    write(ana, "  ", key="one")
    assert composer_content(ana)[0] == ""


def test_rejected_post_keeps_its_draft(ana, configure):
    configure(POST_MAX_LENGTH=5)
    write(ana, "too long")
    assert ana.post_form("/post", {"post": "too long", "form_key": "key-1"}).status_code == 422
    assert composer_content(ana)[:2] == ("too long", "key-1")


@pytest.mark.parametrize("text", ["x" * 20_001, "a"])
def test_malformed_draft_is_rejected(ana, text):
    key = "" if text == "a" else "key-1"
    assert ana.post_form(DRAFT, {"post": text, "form_key": key}).status_code == 400


@pytest.mark.parametrize("text", ["\x00 null", "😀" * 5000, "<script>", "א\u202eב"])
def test_any_text_can_be_saved_as_a_draft(ana, text):
    assert write(ana, text)["saved"] is True
    assert composer_content(ana)[0] == text.replace("\x00", "")


def test_number_of_drafts_is_limited(ana, db):
    for number in range(drafts.MAX_DRAFTS + 3):
        write(ana, f"thought {number}", key=f"key-{number}")
    assert len(db.session.scalars(select(PostDraft)).all()) == drafts.MAX_DRAFTS
    assert ana.get(f"{DRAFT}?form_key=key-0").json["text"] == f"thought {drafts.MAX_DRAFTS + 2}"


def test_markers_of_sent_drafts_are_deleted_and_drafts_are_kept(ana, db, run_jobs):
    write(ana, "kept")
    ana.post_form("/post", {"post": "sent", "form_key": "key-2"})
    db.session.execute(update(PostDraft).values(saved_at=now() - timedelta(days=2)))
    db.session.commit()
    assert drafts.delete_old() == 1
    assert drafts.delete_old() == 0
    assert db.session.scalars(select(PostDraft.body)).all() == ["kept"]


def test_drafts_require_login(client, ana):
    assert client.get(DRAFT).status_code in {302, 303, 401}
    assert client.post_form(DRAFT, {"post": "x", "form_key": "k"}).status_code in {302, 303, 401}
    assert ana.post(DRAFT, data={"post": "x", "form_key": "k"}).status_code == 400
