"""Deleting a message, for oneself or for everybody; and what becomes of its pictures."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.lib.media import Storage
from app.models import MessageImage, Report, ReportedMessage, SealedMessage
from app.queries import unread
from tests.support.changed_messages import (
    SCRIPT,
    address,
    age,
    conversation,
    member_of,
    messages,
    published_state,
    send,
)
from tests.support.pictures import picture, send_pictures, stored

pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")


def test_message_deleted_for_everyone_is_shown_as_deleted_and_not_counted(
    ana, ben, db, assert_counters_correct, run_jobs, mails
):
    send(ana, "first")
    send(ana, "secret")
    assert ana.post_form(address(db, 2, "delete"), {"scope": "everybody"}).status_code == 303
    message = messages(db)[1]
    assert (message.kind, message.body, message.search_text) == ("text", "", "")
    assert message.deleted_at is not None and message.revision == 1
    for browser, other in ((ana, "ben"), (ben, "ana")):
        page = browser.get(f"/messages/{other}").text
        assert "secret" not in page and 'data-seq="2"' in page
        assert "secret" not in browser.get("/messages").text
        assert published_state(db, browser, "conversation")["revision"] == 1
    assert unread.message_count(ben.user.id) == published_state(db, ben, "unread_message_count") == 1
    assert member_of(db, ana).draft == ""
    assert_counters_correct(ana, ben)
    assert ana.post_form(address(db, 2, "delete"), {"scope": "everybody"}).status_code == 303
    assert conversation(db).revision == 1
    run_jobs(advance=60)
    assert [mail.subject for mail in mails] == ["New message from ana"]


def test_message_cannot_be_deleted_for_everyone_after_15_minutes(ana, db):
    send(ana, "secret")
    age(db, 16 * 60)
    answer = ana.post_form(address(db, 1, "delete"), {"scope": "everybody"}, headers=SCRIPT)
    assert answer.status_code == 422 and "too late" in answer.json["error"]
    assert messages(db)[0].body == "secret"


def test_message_deleted_for_me_is_hidden_from_me_only(ana, ben, db, assert_counters_correct):
    send(ana, "first")
    send(ana, "second")
    age(db, 24 * 3600)
    for _twice in range(2):
        assert ben.post_form(address(db, 2, "delete"), {"scope": "me"}, headers=SCRIPT).status_code == 204
    assert "second" not in ben.get("/messages/ana").text + ben.get("/messages").text
    assert "second" in ana.get("/messages/ben").text
    assert unread.message_count(ben.user.id) == published_state(db, ben, "unread_message_count") == 1
    assert published_state(db, ben, "conversation")["last_message_id"] == messages(db)[0].id
    assert published_state(db, ana, "conversation")["last_message_id"] == messages(db)[1].id
    assert conversation(db).revision == 0
    assert_counters_correct(ana, ben)
    ben.post_form(address(db, 1, "delete"), {"scope": "me"})
    assert member_of(db, ben).newest_message_id == 0
    assert "/messages/ana" not in ben.get("/messages").text
    assert_counters_correct(ana, ben)


def test_message_hidden_by_its_sender_stays_unread_for_the_recipient(ana, ben, db):
    send(ana, "first")
    send(ana, "second")
    ana.post_form(address(db, 2, "delete"), {"scope": "me"})
    assert '<span class="visually-hidden">2 unread messages</span>' in ben.get("/messages").text


def test_message_deleted_for_me_cannot_be_changed(ana, db):
    send(ana, "first")
    ana.post_form(address(db, 1, "delete"), {"scope": "me"})
    for act, fields in (("undo", {}), ("edit", {"message": "x"}), ("delete", {"scope": "everybody"})):
        assert ana.post_form(address(db, 1, act), fields).status_code == 404


@pytest.mark.parametrize("scope", ["", "all", "everybody else"])
def test_invalid_delete_scope_deletes_nothing(ana, db, scope):
    send(ana, "first")
    assert ana.post_form(address(db, 1, "delete"), {"scope": scope}).status_code == 400
    assert messages(db)[0].body == "first"


def test_request_deleted_by_its_recipient_leaves_the_requests_page(as_, db):
    ana, ben = as_("ana"), as_("ben")
    send(ana, "Hello, you do not know me")
    ben.post_form(address(db, 1, "delete"), {"scope": "me"})
    assert published_state(db, ben, "message_request_count") == unread.request_count(ben.user.id) == 0
    send(ana, "Hello again")
    assert unread.request_count(ben.user.id) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("act", "fields"), [("undo", {}), ("delete", {"scope": "everybody"})])
def test_images_are_deleted_immediately(app, ana, ben, db, run_jobs, own_folder, act, fields):
    send_pictures(ana, [picture(), picture(colour="blue")], message="words")
    run_jobs()
    ids = [image.id for image in db.session.scalars(select(MessageImage))]
    assert len(stored(app)) == 4
    assert ben.get(f"/messages/image/{ids[0]}").status_code == 200
    assert ana.post_form(address(db, 1, act), fields).status_code == 303
    for browser in (ana, ben):
        for number in ids:
            assert browser.get(f"/messages/image/{number}").status_code == 404
            assert browser.get(f"/messages/image/{number}/thumbnail").status_code == 404
    kept = [image["file"] for images in db.session.scalars(select(SealedMessage.images)) for image in images]
    assert (stored(app), len(kept)) == (
        sorted(kept),
        0 if act == "undo" else 2,
    )
    assert db.session.scalars(select(MessageImage)).all() == []


def test_image_undone_before_its_thumbnail_is_made_leaves_no_file(app, ana, db, run_jobs, own_folder):
    send_pictures(ana, [picture()])
    ana.post_form(address(db, 1, "undo"))
    run_jobs()
    assert stored(app) == []


def test_image_undone_while_its_thumbnail_is_made_leaves_no_file(app, ana, db, run_jobs, own_folder, monkeypatch):
    send_pictures(ana, [picture()])
    where, save = address(db, 1, "undo"), Storage.save

    def save_late(store, data, kind):
        ana.post_form(where)
        return save(store, data, kind)

    monkeypatch.setattr(Storage, "save", save_late)
    run_jobs()
    assert stored(app) == []


def test_images_deleted_for_me_are_hidden_from_me_only(ana, ben, db, own_folder):
    send_pictures(ana, [picture()])
    (image,) = db.session.scalars(select(MessageImage)).all()
    ben.post_form(address(db, 1, "delete"), {"scope": "me"})
    assert ben.get(f"/messages/image/{image.id}").status_code == 404
    assert ana.get(f"/messages/image/{image.id}").status_code == 200


def test_image_in_a_report_is_kept(app, ana, ben, db, own_folder, configure):
    configure(SEALED_DAYS=0)
    send_pictures(ana, [picture(), picture(colour="blue")])
    first, _second = db.session.scalars(select(MessageImage.file).order_by(MessageImage.position))
    number = db.session.scalar(select(MessageImage.id).where(MessageImage.file == first))
    (message,) = messages(db)
    report = Report(conversation_id=conversation(db).id, reporter_id=ben.user.id, accused_name="ana", seal="")
    db.session.add(report)
    db.session.flush()
    held = {"images": [{"file": first, "alt": "", "sha256": ""}], "sent_at": message.created_at, "body": ""}
    db.session.add(ReportedMessage(report_id=report.id, seq=1, sender_name="ana", **held))
    db.session.commit()
    ana.post_form(address(db, 1, "delete"), {"scope": "everybody"})
    assert stored(app) == [first]
    for browser in (ana, ben):
        assert browser.get(f"/messages/image/{number}").status_code == 404
