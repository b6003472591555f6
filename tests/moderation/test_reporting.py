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
from tests.moderation.conftest import a_group, looks, newest, reports, said


def test_only_what_was_ticked_is_shown_to_a_moderator(town, reported):
    page = looks(town.mia, reported)
    assert "You are a fool" in page and "Never, fool" in page and "He insults me" in page
    assert "Please stop" not in page and "Elm Street" not in page
    assert "The signature is valid." in page
    assert (reported.accused_id, reported.accused_name) == (town.ben.user.id, "ben")


def test_own_messages_may_be_ticked_beside_anothers(town, db):
    assert reports(town.ana, town.conversation, 1, 2).status_code == 303
    page = looks(town.mia, newest(db))
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
def test_a_report_that_would_say_nothing_is_refused_and_keeps_what_was_written(town, db, ticked, sentence):
    answer = reports(town.ana, town.conversation, *ticked, note="Look at this")
    assert answer.status_code == 422
    assert said(answer) == sentence
    assert "Look at this" in answer.text
    for seq in {1, 2, 3, 4} & set(ticked):
        assert re.search(rf'value="{seq}" id="tick-{seq}" checked', answer.text)
    assert newest(db) is None


def test_a_note_has_up_to_a_thousand_characters(town, db):
    answer = reports(town.ana, town.conversation, 1, note="x" * 1001)
    assert answer.status_code == 422
    assert "x" * 1001 in answer.text
    assert said(answer) == "This is too long. The limit is 1000 characters."
    assert reports(town.ana, town.conversation, 1, note="x" * 1000).status_code == 303
    assert reports(town.ana, town.conversation, 1, note=" ").status_code == 303
    assert newest(db).note == ""


def test_nobody_outside_finds_the_page(town, as_):
    for who in (as_("eve"), town.mia, town.root):
        assert who.get(f"/report/{town.conversation}").status_code == 404
        assert who.post_form(f"/report/{town.conversation}", {"message": "1"}).status_code == 404
    for number in (0, 999, 2**31, 10**20):
        assert town.ana.get(f"/report/{number}").status_code == 404


def test_who_left_a_group_reports_nothing_of_it(town, db):
    group = a_group(db, town.ana.user, town.ben.user)
    membership = db.session.get(ConversationMember, (group.id, town.ana.user.id))
    assert town.ana.get(f"/report/{group.id}").status_code == 200
    membership.state, membership.left_seq = "left", 0
    db.session.commit()
    assert town.ana.get(f"/report/{group.id}").status_code == 404


def test_what_one_cannot_see_is_not_there_to_tick(town, db):
    hidden, gone, undone = town.messages[0], town.messages[2], a_message(town.ben.user, town.ana.user, "Undone words")
    db.session.add(HiddenMessage(user_id=town.ana.user.id, message_id=hidden.id))
    gone.deleted_at, gone.body, undone.kind = now(), "", "undone"
    db.session.commit()
    page = town.ana.get(f"/report/{town.conversation}").text
    assert re.findall(r'id="tick-(\d+)"', page) == ["2", "4"]
    assert "Undone words" not in page
    for seq in (1, 3, 5):
        assert reports(town.ana, town.conversation, seq).status_code == 422


def test_what_came_before_one_joined_a_group_is_not_there_to_tick(town, db):
    group = a_group(db, town.ana.user, town.ben.user)
    send_to_group(town.ben.user, group.id, "Before ana came")
    db.session.execute(
        update(ConversationMember)
        .where(ConversationMember.conversation_id == group.id, ConversationMember.user_id == town.ana.user.id)
        .values(joined_seq=1)
    )
    send_to_group(town.ben.user, group.id, "After ana came")
    db.session.commit()
    page = town.ana.get(f"/report/{group.id}").text
    assert "After ana came" in page and "Before ana came" not in page
    assert reports(town.ana, group.id, 1).status_code == 422


def test_in_a_group_the_first_other_one_is_accused(town, db, as_):
    zoe = as_("zoe")
    group = a_group(db, town.ana.user, town.ben.user, zoe.user)
    for person, words in ((town.ana.user, "one"), (zoe.user, "two"), (town.ben.user, "three")):
        send_to_group(person, group.id, words)
    db.session.commit()
    assert "Choir" in town.ana.get(f"/report/{group.id}").text
    assert reports(town.ana, group.id, 1, 2, 3).status_code == 303
    assert newest(db).accused_name == "zoe"


def test_a_deleted_account_may_still_be_reported(town, db):
    db.session.execute(update(Message).where(Message.sender_id == town.ben.user.id).values(sender_id=None))
    db.session.commit()
    assert reports(town.ana, town.conversation, 1).status_code == 303
    report = newest(db)
    assert (report.accused_id, report.accused_name) == (None, "")
    assert "Deleted account" in looks(town.mia, report)
    assert "1 message from a deleted account" in town.mia.get("/moderation").text


def test_what_is_edited_or_deleted_later_changes_nothing(town, db, reported):
    db.session.execute(update(Message).where(Message.seq == 1).values(body="Have a nice day", edited_at=now()))
    db.session.execute(update(Message).where(Message.seq == 3).values(body="", deleted_at=now()))
    db.session.execute(delete(HiddenMessage))
    db.session.commit()
    page = looks(town.mia, reported)
    assert "You are a fool" in page and "Never, fool" in page and "The signature is valid." in page
    assert "nice day" not in page


def test_one_form_makes_one_report_however_often_it_is_sent(town, db):
    page = town.ana.get(f"/report/{town.conversation}").text
    key = re.search(r'name="form_key"[^>]*value="([^"]+)"', page)[1]
    answers = [reports(town.ana, town.conversation, 1, form_key=key) for _ in range(2)]
    assert [answer.location for answer in answers] == [f"/report/receipt/{newest(db).id}"] * 2
    assert db.session.scalar(select(func.count()).select_from(Report)) == 1
    assert db.session.scalar(select(func.count()).select_from(ReportedMessage)) == 1
    assert reports(town.ana, town.conversation, 3, form_key=key).status_code == 303
    assert db.session.scalar(select(func.count()).select_from(Report)) == 2


def test_one_form_sent_by_four_at_once_makes_one_report(app, town, db):
    tokens = {"csrf_token": town.ana.csrf_token(), "form_key": "k", "message": "1", "note": "once"}
    cookie = town.ana.get_cookie("microblog_session", domain="microblog.test").value
    conversation = town.conversation
    db.session.commit()

    def send(_turn):
        browser = app.test_client()
        browser.set_cookie("microblog_session", cookie, domain="microblog.test")
        return browser.post(f"/report/{conversation}", data=tokens).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, range(4))) == {303}
    assert db.session.scalar(select(func.count()).select_from(Report)) == 1


@pytest.mark.slow
def test_looking_at_other_pages_keeps_the_ticks_and_writes_nothing(town, db):
    for number in range(PAGE + 5):
        a_message(town.ben.user, town.ana.user, f"message {number}")
    path = f"/report/{town.conversation}"
    first = town.ana.get(path).text
    assert len(re.findall('id="tick-', first)) == PAGE
    older = re.search(r'name="show" value="(\d+)"', first)[1]
    turned = town.ana.submit(path, {"message": ["39"], "note": "half", "show": older}, action=path)
    assert turned.status_code == 200
    assert "You are a fool" in turned.text and "1 more message selected on other pages" in turned.text
    assert '<input type="hidden" name="message" value="39">' in turned.text
    assert "half" in turned.text
    assert newest(db) is None
    sent = town.ana.post_form(path, {"message": ["39", "1"], "note": "whole", "at": older})
    assert sent.status_code == 303
    page = looks(town.mia, newest(db))
    assert "You are a fool" in page and "message 34" in page and "message 33" not in page


def test_a_link_to_one_message_ticks_it(town):
    page = town.ana.get(f"/report/{town.conversation}?message=3").text
    assert re.findall(r'id="tick-(\d+)" checked', page) == ["3"]
    for odd in ("x", "-1", "9" * 30, "²"):
        assert town.ana.get(f"/report/{town.conversation}?message={odd}").status_code == 200


@pytest.mark.slow
def test_nobody_sends_more_than_so_many_a_day(town, db):
    for _ in range(MAX_PER_DAY):
        assert reports(town.ana, town.conversation, 1).status_code == 303
    answer = reports(town.ana, town.conversation, 1)
    assert answer.status_code == 422
    assert said(answer).startswith("You've sent a lot of reports today.")


# --- The receipt


def test_the_reporter_keeps_a_receipt_that_nobody_else_sees(town, reported, as_):
    path = f"/report/receipt/{reported.id}"
    page = town.ana.get(path).text
    assert "You are a fool" in page and reported.seal in page and "The signature is valid." in page
    signed = json.loads(json.loads(town.ana.get(f"{path}/sealed.json").data)["signed"])
    assert [one["text"] for one in signed["items"]] == ["You are a fool", "Never, fool"]
    for who in (town.ben, as_("eve"), town.mia, town.root):
        assert who.get(path).status_code == 404
        assert who.get(f"{path}/sealed.json").status_code == 404


# --- The seal


def broken(db, report, change):
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
def test_the_seal_breaks_when_a_row_is_changed(town, db, reported, change):
    assert "The signature is valid." in looks(town.mia, reported)
    broken(db, reported, change)
    for page in (town.mia.get(f"/moderation/{reported.id}").text, town.ana.get(f"/report/receipt/{reported.id}").text):
        assert "The signature isn't valid." in html.unescape(page) and "The signature is valid." not in page


# --- Pictures


@pytest.fixture
def with_picture(town, db):
    """A report about a message with a picture of its own, which ben has deleted since."""
    file = BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, "PNG")
    file.seek(0)
    data = {"message": "See this", "image": (file, "red.png"), "alt": "A red field"}
    assert town.ben.post_form("/send_message/ana", data).status_code == 303
    assert reports(town.ana, town.conversation, 5).status_code == 303
    answer = town.ben.post_form(f"/messages/thread/{town.conversation}/5/delete", {"scope": "everybody"})
    assert answer.status_code in {204, 303}
    return newest(db)


def test_a_reported_picture_stays_for_moderators_who_look(town, db, with_picture, app, as_):
    path = f"/moderation/{with_picture.id}/picture/0"
    assert town.mia.get(path).status_code == 404
    page = looks(town.mia, with_picture)
    assert path in page and 'alt="A red field"' in page
    shown = town.mia.get(path)
    assert (shown.status_code, shown.mimetype, shown.headers["Cache-Control"]) == (200, "image/webp", "no-store")
    assert hashlib.sha256(shown.data).hexdigest() == with_picture_sha(db)
    assert town.mia.get(f"/moderation/{with_picture.id}/picture/1").status_code == 404
    for who in (town.ana, town.ben, as_("eve"), town.max):
        assert who.get(path).status_code == 404


def with_picture_sha(db) -> str:
    images = db.session.scalars(select(ReportedMessage.images).where(ReportedMessage.seq == 5)).one()
    assert set(images[0]) == {"file", "alt", "sha256"}
    return images[0]["sha256"]


def test_a_picture_that_was_exchanged_is_not_shown(town, db, with_picture, app):
    looks(town.mia, with_picture)
    name = db.session.scalars(select(ReportedMessage.images)).all()[-1][0]["file"]
    path = app.config["DATA_DIR"] / "media" / "messages" / name[:2] / name
    path.write_bytes(b"something else")
    assert town.mia.get(f"/moderation/{with_picture.id}/picture/0").status_code == 404
    assert "the one that was reported" in town.mia.get(f"/moderation/{with_picture.id}").text
    path.unlink()
    assert town.mia.get(f"/moderation/{with_picture.id}/picture/0").status_code == 404


# --- Who is told


def told(db, person, kind="report"):
    return db.session.scalars(select(Activity).where(Activity.user_id == person.id, Activity.kind == kind)).all()


def test_each_moderator_is_told_once_and_nobody_else(town, db, as_, mails, run_jobs):
    sleeping = a_user("sam", role="moderator", active=False)
    helper = a_user("tia", role="translator")
    assert reports(town.ana, town.conversation, 1).status_code == 303
    for browser in (town.mia, town.max, town.root):
        (event,) = told(db, browser.user)
        assert event.read_at is None
        assert "Messages from <bdi>@ben</bdi> were reported" in browser.get("/activity").text
        assert f"/moderation/{newest(db).id}" in browser.get("/activity").text
    for person in (town.ana.user, town.ben.user, sleeping, helper):
        assert told(db, person) == []
    run_jobs(advance=3600)
    assert {mail.envelope_to[0] for mail in mails if "reported" in mail.subject} == {
        f"{name}@example.org" for name in ("mia", "max", "root")
    }
    assert all("fool" not in mail.text for mail in mails if "reported" in mail.subject)


def test_a_moderator_who_is_part_of_a_report_is_not_told(town, db):
    """As accused, as reporter, or as the writer of one of several messages."""
    group = a_group(db, town.ana.user, town.ben.user, town.mia.user)
    send_to_group(town.ben.user, group.id, "one")
    send_to_group(town.mia.user, group.id, "two")
    db.session.commit()
    assert reports(town.ana, group.id, 1, 2).status_code == 303
    assert told(db, town.mia.user) == []
    assert len(told(db, town.max.user)) == 1
    assert reports(town.mia, group.id, 1).status_code == 303
    assert told(db, town.mia.user) == []
    assert len(told(db, town.max.user)) == 2
    assert reports(town.ben, group.id, 2).status_code == 303
    assert newest(db).accused_name == "mia"
    assert told(db, town.mia.user) == []
    page = town.mia.get("/moderation").text
    assert "No open reports" in page
    for report in db.session.scalars(select(Report)):
        assert town.mia.get(f"/moderation/{report.id}").status_code == 404
        assert town.max.get(f"/moderation/{report.id}").status_code == 200


def test_only_moderators_choose_how_they_are_told_of_reports(town):
    name = 'name="report-mail"'
    assert name in town.mia.get("/notification_settings").text
    assert name in town.root.get("/notification_settings").text
    assert name not in town.ana.get("/notification_settings").text
