"""A member reports messages: the moderators see what was ticked, as it was, and nothing else."""

from __future__ import annotations

import hashlib
import html
import json
import re
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import delete, func, select, update

from app.core.time import now
from app.messages.actions import send_to_group
from app.models import Activity, ConversationMember, HiddenMessage, Message, Report, ReportedMessage
from app.moderation.actions.reporting import MAX_PER_DAY
from app.moderation.report_routes import PAGE
from tests.factories import a_message, a_user
from tests.moderation.conftest import a_group, last_note, newest_report, send_report, view_evidence


def test_moderators_see_only_selected_messages(members, reported):
    page = view_evidence(members.mia, reported)
    assert "You are a fool" in page and "Never, fool" in page and "He insults me" in page
    assert "Please stop" not in page and "Elm Street" not in page
    assert "The signature is valid." in page
    assert (reported.accused_id, reported.accused_name) == (members.ben.user.id, "ben")


def test_own_messages_can_be_reported_together_with_others(members, db):
    assert send_report(members.ana, members.conversation, 1, 2).status_code == 303
    page = view_evidence(members.mia, newest_report(db))
    assert "You are a fool" in page and "Please stop" in page and "Elm Street" not in page


@pytest.mark.parametrize(
    ("ticked", "sentence"),
    [
        ([], "Select at least one message from someone else."),
        ([2, 4], "Select at least one message from someone else."),
        ([1, 99], "One of the messages you selected is no longer there. Please check your selection."),
        (list(range(1, 60)), "A report can include up to 50 messages."),
    ],
)
def test_report_without_messages_of_others_is_rejected_and_the_input_is_kept(members, db, ticked, sentence):
    answer = send_report(members.ana, members.conversation, *ticked, note="Look at this")
    assert answer.status_code == 422
    assert last_note(answer) == sentence
    assert "Look at this" in answer.text
    for seq in {1, 2, 3, 4} & set(ticked):
        assert re.search(rf'value="{seq}" id="tick-{seq}" checked', answer.text)
    assert newest_report(db) is None


def test_report_note_is_limited_to_1000_characters(members, db):
    answer = send_report(members.ana, members.conversation, 1, note="x" * 1001)
    assert answer.status_code == 422
    assert "x" * 1001 in answer.text
    assert last_note(answer) == "This is too long. The limit is 1000 characters."
    assert send_report(members.ana, members.conversation, 1, note="x" * 1000).status_code == 303
    assert send_report(members.ana, members.conversation, 1, note=" ").status_code == 303
    assert newest_report(db).note == ""


def test_nonmembers_cannot_open_the_report_page(members, as_):
    for who in (as_("eve"), members.mia, members.root):
        assert who.get(f"/report/{members.conversation}").status_code == 404
        assert who.post_form(f"/report/{members.conversation}", {"message": "1"}).status_code == 404
    for number in (0, 999, 2**31, 10**20):
        assert members.ana.get(f"/report/{number}").status_code == 404


def test_former_group_member_cannot_report_group_messages(members, db):
    group = a_group(db, members.ana.user, members.ben.user)
    membership = db.session.get(ConversationMember, (group.id, members.ana.user.id))
    assert members.ana.get(f"/report/{group.id}").status_code == 200
    membership.state, membership.left_seq = "left", 0
    db.session.commit()
    assert members.ana.get(f"/report/{group.id}").status_code == 404


def test_invisible_messages_cannot_be_selected_for_a_report(members, db):
    hidden, gone, undone = (
        members.messages[0],
        members.messages[2],
        a_message(members.ben.user, members.ana.user, "Undone words"),
    )
    db.session.add(HiddenMessage(user_id=members.ana.user.id, message_id=hidden.id))
    gone.deleted_at, gone.body, undone.kind = now(), "", "undone"
    db.session.commit()
    page = members.ana.get(f"/report/{members.conversation}").text
    assert re.findall(r'id="tick-(\d+)"', page) == ["2", "4"]
    assert "Undone words" not in page
    for seq in (1, 3, 5):
        assert send_report(members.ana, members.conversation, seq).status_code == 422


def test_messages_before_joining_a_group_cannot_be_reported(members, db):
    group = a_group(db, members.ana.user, members.ben.user)
    send_to_group(members.ben.user, group.id, "Before ana came")
    db.session.execute(
        update(ConversationMember)
        .where(ConversationMember.conversation_id == group.id, ConversationMember.user_id == members.ana.user.id)
        .values(joined_seq=1)
    )
    send_to_group(members.ben.user, group.id, "After ana came")
    db.session.commit()
    page = members.ana.get(f"/report/{group.id}").text
    assert "After ana came" in page and "Before ana came" not in page
    assert send_report(members.ana, group.id, 1).status_code == 422


def test_first_other_sender_in_a_group_report_is_the_accused(members, db, as_):
    zoe = as_("zoe")
    group = a_group(db, members.ana.user, members.ben.user, zoe.user)
    for person, words in ((members.ana.user, "one"), (zoe.user, "two"), (members.ben.user, "three")):
        send_to_group(person, group.id, words)
    db.session.commit()
    assert "Choir" in members.ana.get(f"/report/{group.id}").text
    assert send_report(members.ana, group.id, 1, 2, 3).status_code == 303
    assert newest_report(db).accused_name == "zoe"


def test_messages_of_a_deleted_account_can_be_reported(members, db):
    db.session.execute(update(Message).where(Message.sender_id == members.ben.user.id).values(sender_id=None))
    db.session.commit()
    assert send_report(members.ana, members.conversation, 1).status_code == 303
    report = newest_report(db)
    assert (report.accused_id, report.accused_name) == (None, "")
    assert "Deleted account" in view_evidence(members.mia, report)
    assert "1 message from a deleted account" in members.mia.get("/moderation").text


def test_later_edits_and_deletions_do_not_change_the_evidence(members, db, reported):
    db.session.execute(update(Message).where(Message.seq == 1).values(body="Have a nice day", edited_at=now()))
    db.session.execute(update(Message).where(Message.seq == 3).values(body="", deleted_at=now()))
    db.session.execute(delete(HiddenMessage))
    db.session.commit()
    page = view_evidence(members.mia, reported)
    assert "You are a fool" in page and "Never, fool" in page and "The signature is valid." in page
    assert "nice day" not in page


def test_report_form_sent_twice_creates_one_report(members, db):
    page = members.ana.get(f"/report/{members.conversation}").text
    key = re.search(r'name="form_key"[^>]*value="([^"]+)"', page)[1]
    answers = [send_report(members.ana, members.conversation, 1, form_key=key) for _ in range(2)]
    assert [answer.location for answer in answers] == [f"/report/receipt/{newest_report(db).id}"] * 2
    assert db.session.scalar(select(func.count()).select_from(Report)) == 1
    assert db.session.scalar(select(func.count()).select_from(ReportedMessage)) == 1
    assert send_report(members.ana, members.conversation, 3, form_key=key).status_code == 303
    assert db.session.scalar(select(func.count()).select_from(Report)) == 2


def test_concurrently_sent_report_form_creates_one_report(app, members, db):
    tokens = {"csrf_token": members.ana.csrf_token(), "form_key": "k", "message": "1", "note": "once"}
    cookie = members.ana.get_cookie("microblog_session", domain="microblog.test").value
    conversation = members.conversation
    db.session.commit()

    def send(_turn):
        browser = app.test_client()
        browser.set_cookie("microblog_session", cookie, domain="microblog.test")
        return browser.post(f"/report/{conversation}", data=tokens).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, range(4))) == {303}
    assert db.session.scalar(select(func.count()).select_from(Report)) == 1


@pytest.mark.slow
def test_paging_the_report_form_keeps_the_selection_and_writes_nothing(members, db):
    for number in range(PAGE + 5):
        a_message(members.ben.user, members.ana.user, f"message {number}")
    path = f"/report/{members.conversation}"
    first = members.ana.get(path).text
    assert len(re.findall('id="tick-', first)) == PAGE
    older = re.search(r'name="show" value="(\d+)"', first)[1]
    turned = members.ana.submit(path, {"message": ["39"], "note": "half", "show": older}, action=path)
    assert turned.status_code == 200
    assert "You are a fool" in turned.text and "1 more message selected on other pages" in turned.text
    assert '<input type="hidden" name="message" value="39">' in turned.text
    assert "half" in turned.text
    assert newest_report(db) is None
    sent = members.ana.post_form(path, {"message": ["39", "1"], "note": "whole", "at": older})
    assert sent.status_code == 303
    page = view_evidence(members.mia, newest_report(db))
    assert "You are a fool" in page and "message 34" in page and "message 33" not in page


def test_link_to_one_message_preselects_it(members):
    page = members.ana.get(f"/report/{members.conversation}?message=3").text
    assert re.findall(r'id="tick-(\d+)" checked', page) == ["3"]
    for odd in ("x", "-1", "9" * 30, "²"):
        assert members.ana.get(f"/report/{members.conversation}?message={odd}").status_code == 200


@pytest.mark.slow
def test_reports_per_day_are_limited(members, db):
    for _ in range(MAX_PER_DAY):
        assert send_report(members.ana, members.conversation, 1).status_code == 303
    answer = send_report(members.ana, members.conversation, 1)
    assert answer.status_code == 422
    assert last_note(answer).startswith("You've sent a lot of reports today.")


# --- The receipt


def test_receipt_is_visible_to_the_reporter_only(members, reported, as_):
    path = f"/report/receipt/{reported.id}"
    page = members.ana.get(path).text
    assert "You are a fool" in page and reported.seal in page and "The signature is valid." in page
    signed = json.loads(json.loads(members.ana.get(f"{path}/sealed.json").data)["signed"])
    assert [one["text"] for one in signed["items"]] == ["You are a fool", "Never, fool"]
    for who in (members.ben, as_("eve"), members.mia, members.root):
        assert who.get(path).status_code == 404
        assert who.get(f"{path}/sealed.json").status_code == 404


# --- The seal


def tamper_with(db, report, change):
    db.session.execute(change)
    db.session.commit()


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        update(ReportedMessage).where(ReportedMessage.seq == 1).values(body="You are a friend"),
        update(ReportedMessage).where(ReportedMessage.seq == 1).values(sender_name="ana"),
        update(ReportedMessage).where(ReportedMessage.seq == 3).values(seq=2),
        update(ReportedMessage).where(ReportedMessage.seq == 3).values(images=[{"file": "f", "alt": "", "sha256": ""}]),
        update(ReportedMessage).where(ReportedMessage.seq == 3).values(sent_at=now()),
        delete(ReportedMessage).where(ReportedMessage.seq == 3),
        update(Report).values(note="He is kind"),
        update(Report).values(accused_name="zoe"),
        update(Report).values(kind="post"),
        update(ReportedMessage).where(ReportedMessage.seq == 1).values(facts={"name": "Zoe"}),
        update(ReportedMessage).where(ReportedMessage.seq == 1).values(deleted_at=now()),
    ],
)
def test_signature_is_invalid_after_a_row_is_changed(members, db, reported, change):
    assert "The signature is valid." in view_evidence(members.mia, reported)
    tamper_with(db, reported, change)
    for page in (
        members.mia.get(f"/moderation/{reported.id}").text,
        members.ana.get(f"/report/receipt/{reported.id}").text,
    ):
        assert "The signature isn't valid." in html.unescape(page) and "The signature is valid." not in page


# --- Pictures


@pytest.fixture
def image_report(members, db):
    """A report about a message with a picture of its own, which ben has deleted since."""
    file = BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, "PNG")
    file.seek(0)
    data = {"message": "See this", "image": (file, "red.png"), "alt": "A red field"}
    assert members.ben.post_form("/send_message/ana", data).status_code == 303
    assert send_report(members.ana, members.conversation, 5).status_code == 303
    answer = members.ben.post_form(f"/messages/thread/{members.conversation}/5/delete", {"scope": "everybody"})
    assert answer.status_code in {204, 303}
    return newest_report(db)


def test_reported_image_is_visible_to_moderators_who_viewed_the_evidence(members, db, image_report, app, as_):
    path = f"/moderation/{image_report.id}/picture/0"
    assert members.mia.get(path).status_code == 404
    page = view_evidence(members.mia, image_report)
    assert path in page and 'alt="A red field"' in page
    shown = members.mia.get(path)
    assert (shown.status_code, shown.mimetype, shown.headers["Cache-Control"]) == (200, "image/webp", "no-store")
    assert hashlib.sha256(shown.data).hexdigest() == with_picture_sha(db)
    assert members.mia.get(f"/moderation/{image_report.id}/picture/1").status_code == 404
    for who in (members.ana, members.ben, as_("eve"), members.max):
        assert who.get(path).status_code == 404


def with_picture_sha(db) -> str:
    images = db.session.scalars(select(ReportedMessage.images).where(ReportedMessage.seq == 5)).one()
    assert set(images[0]) == {"file", "alt", "sha256"}
    return images[0]["sha256"]


def test_replaced_image_file_is_not_shown_as_evidence(members, db, image_report, app):
    view_evidence(members.mia, image_report)
    name = db.session.scalars(select(ReportedMessage.images)).all()[-1][0]["file"]
    path = app.config["DATA_DIR"] / "media" / "messages" / name[:2] / name
    path.write_bytes(b"something else")
    assert members.mia.get(f"/moderation/{image_report.id}/picture/0").status_code == 404
    assert "the one that was reported" in members.mia.get(f"/moderation/{image_report.id}").text
    path.unlink()
    assert members.mia.get(f"/moderation/{image_report.id}/picture/0").status_code == 404


# --- Who is told


def notified_events(db, person, kind="report"):
    return db.session.scalars(select(Activity).where(Activity.user_id == person.id, Activity.kind == kind)).all()


def test_each_moderator_is_notified_once_and_no_one_else(members, db, as_, mails, run_jobs):
    sleeping = a_user("sam", role="moderator", active=False)
    helper = a_user("tia", role="translator")
    assert send_report(members.ana, members.conversation, 1).status_code == 303
    for browser in (members.mia, members.max, members.root):
        (event,) = notified_events(db, browser.user)
        assert event.read_at is None
        assert "Messages from <bdi>@ben</bdi> were reported" in browser.get("/activity").text
        assert f"/moderation/{newest_report(db).id}" in browser.get("/activity").text
    for person in (members.ana.user, members.ben.user, sleeping, helper):
        assert notified_events(db, person) == []
    run_jobs(advance=3600)
    assert {mail.envelope_to[0] for mail in mails if "reported" in mail.subject} == {
        f"{name}@example.org" for name in ("mia", "max", "root")
    }
    assert all("fool" not in mail.text for mail in mails if "reported" in mail.subject)


def test_moderator_involved_in_a_report_is_not_notified(members, db):
    """As accused, as reporter, or as the writer of one of several messages."""
    group = a_group(db, members.ana.user, members.ben.user, members.mia.user)
    send_to_group(members.ben.user, group.id, "one")
    send_to_group(members.mia.user, group.id, "two")
    db.session.commit()
    assert send_report(members.ana, group.id, 1, 2).status_code == 303
    assert notified_events(db, members.mia.user) == []
    assert len(notified_events(db, members.max.user)) == 1
    assert send_report(members.mia, group.id, 1).status_code == 303
    assert notified_events(db, members.mia.user) == []
    assert len(notified_events(db, members.max.user)) == 2
    assert send_report(members.ben, group.id, 2).status_code == 303
    assert newest_report(db).accused_name == "mia"
    assert notified_events(db, members.mia.user) == []
    page = members.mia.get("/moderation").text
    assert "No open reports" in page
    for report in db.session.scalars(select(Report)):
        assert members.mia.get(f"/moderation/{report.id}").status_code == 404
        assert members.max.get(f"/moderation/{report.id}").status_code == 200


def test_only_moderators_can_configure_report_notifications(members):
    name = 'name="report-mail"'
    assert name in members.mia.get("/notification_settings").text
    assert name in members.root.get("/notification_settings").text
    assert name not in members.ana.get("/notification_settings").text
