"""A deleted message: sealed for some days, read by nobody but the moderators of a report, and then gone for good."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core import account_deletion
from app.jobs import enqueue
from app.models import Conversation, ConversationMember, Message, MessageImage, SealedMessage
from tests.factories import a_message
from tests.moderation.conftest import a_group, looks, newest, reports
from tests.support.pictures import picture, send_pictures, stored

INSULT = "You are a fool"
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")


def deletes(who, conversation: int, seq: int, scope: str = "everybody") -> None:
    assert who.post_form(f"/messages/thread/{conversation}/{seq}/delete", {"scope": scope}).status_code == 303


def takes_back(who, conversation: int, seq: int) -> None:
    assert who.post_form(f"/messages/thread/{conversation}/{seq}/undo").status_code == 303


def ages(db, *, days: int) -> None:
    """Let all messages have been deleted that much sooner, and order the daily job."""
    for row in db.session.scalars(select(SealedMessage)):
        row.sealed_at -= timedelta(days=days)
        row.kept_until -= timedelta(days=days)
    for message in db.session.scalars(select(Message).where(Message.deleted_at.is_not(None))):
        message.deleted_at -= timedelta(days=days)
    enqueue("messages.remove_sealed")
    db.session.commit()


def sealed(db) -> list[str]:
    return list(db.session.scalars(select(SealedMessage.body)))


def test_a_deleted_message_can_be_reported_and_only_the_moderators_read_it(town, db):
    deletes(town.ben, town.conversation, 1)
    page = town.ana.get(f"/report/{town.conversation}?message=1").text
    assert 'id="tick-1" checked' in page and INSULT not in page
    assert f"/report/{town.conversation}?message=1" in town.ana.get("/messages/ben").text
    assert reports(town.ana, town.conversation, 1).status_code == 303
    report = newest(db)
    shown = looks(town.mia, report)
    assert INSULT in shown and "Deleted by the sender before it was reported" in shown
    assert "The signature is valid." in shown
    path = f"/report/receipt/{report.id}"
    receipt = town.ana.get(path).text
    assert INSULT not in receipt and "Only moderators can see what it said." in receipt
    assert INSULT not in town.ana.get(f"{path}/sealed.json").text


def test_what_is_withheld_belongs_to_the_signature(town, db):
    deletes(town.ben, town.conversation, 1)
    reports(town.ana, town.conversation, 1)
    looks(town.mia, newest(db))
    document = town.mia.get(f"/moderation/{newest(db).id}/sealed.json").json
    (item,), (withheld,) = json.loads(document["signed"])["items"], document["withheld"]
    content = f'{withheld["salt"]}{{"facts":{{}},"pictures":[],"text":"{INSULT}"}}'
    assert withheld["text"] == INSULT
    assert hashlib.sha256(content.encode()).hexdigest() == item["commitment"]


def test_after_its_time_it_is_gone_for_good(town, db, run_jobs):
    deletes(town.ben, town.conversation, 1)
    ages(db, days=13)
    run_jobs()
    assert sealed(db) == [INSULT]
    assert 'id="tick-1"' in town.ana.get(f"/report/{town.conversation}").text
    ages(db, days=1)
    assert 'id="tick-1"' not in town.ana.get(f"/report/{town.conversation}").text  # also when the job is late
    run_jobs()
    assert sealed(db) == []
    assert 'id="tick-1"' not in town.ana.get(f"/report/{town.conversation}").text
    assert reports(town.ana, town.conversation, 1).status_code == 422
    assert "?message=1" not in town.ana.get("/messages/ben").text


def test_the_time_is_a_setting(town, db, configure):
    configure(SEALED_DAYS=0)
    deletes(town.ben, town.conversation, 1)
    assert sealed(db) == []
    assert "Deleted messages are kept" not in town.ana.get("/messages/ben").text
    configure(SEALED_DAYS=30)
    deletes(town.ben, town.conversation, 3)
    (row,) = db.session.scalars(select(SealedMessage))
    assert (row.kept_until - row.sealed_at).days == 30
    assert "are kept for 30 days" in town.ana.get("/messages/ben").text


def test_no_page_export_or_search_shows_it(town, db, run_jobs):
    deletes(town.ben, town.conversation, 1)
    for who in (town.ana, town.ben):
        other = "ben" if who is town.ana else "ana"
        for path in (f"/messages/{other}", "/messages", "/messages/search?q=fool", f"/report/{town.conversation}"):
            assert INSULT not in who.get(path).text, path


def test_taken_back_unread_it_leaves_nothing(town, db):
    message = a_message(town.ben.user, town.ana.user, "Oh no")
    takes_back(town.ben, town.conversation, message.seq)
    assert sealed(db) == []
    assert f'id="tick-{message.seq}"' not in town.ana.get(f"/report/{town.conversation}").text


def test_taken_back_after_it_was_read_the_reader_can_report_it(town, db, as_):
    cleo = as_("cleo")
    group = a_group(db, town.ana.user, town.ben.user, cleo.user)
    assert town.ben.post_form(f"/messages/thread/{group.id}/send", {"message": "Hah, fool"}).status_code == 303
    assert town.ana.post_form(f"/messages/thread/{group.id}/read", {"seq": 1}).status_code == 303
    takes_back(town.ben, group.id, 1)
    assert sealed(db) == ["Hah, fool"]
    assert cleo.post_form(f"/messages/thread/{group.id}/read", {"seq": 1}).status_code == 303  # later: too late
    page = town.ana.get(f"/report/{group.id}").text
    assert 'id="tick-1"' in page and "Hah" not in page
    assert 'id="tick-1"' not in cleo.get(f"/report/{group.id}").text
    assert reports(cleo, group.id, 1).status_code == 422
    assert "Hah" not in town.ana.get(f"/messages/thread/{group.id}").text
    assert reports(town.ana, group.id, 1).status_code == 303
    assert "Hah, fool" in looks(town.mia, newest(db))


def test_who_came_later_or_is_outside_cannot_report_it(town, db, as_):
    eve, dora = as_("eve"), as_("dora")
    group = a_group(db, town.ana.user, town.ben.user)
    assert town.ben.post_form(f"/messages/thread/{group.id}/send", {"message": INSULT}).status_code == 303
    deletes(town.ben, group.id, 1)
    conversation = db.session.get(Conversation, group.id)
    membership = ConversationMember(conversation_id=group.id, user_id=dora.user.id, state="accepted")
    membership.joined_seq = conversation.newest_seq
    db.session.add(membership)
    db.session.commit()
    assert 'id="tick-1"' not in dora.get(f"/report/{group.id}").text
    assert reports(dora, group.id, 1).status_code == 422
    assert eve.get(f"/report/{group.id}").status_code == 404


@pytest.fixture
def own_folder(configure, tmp_path):
    configure(DATA_DIR=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("is_reported", [True, False])
def test_its_pictures_are_kept_with_it_and_with_a_report(town, db, app, run_jobs, own_folder, is_reported):
    send_pictures(town.ben, [picture()], to="ana")
    run_jobs()
    image = db.session.scalars(select(MessageImage)).one()
    number, file = image.id, image.file
    deletes(town.ben, town.conversation, 5)
    assert stored(app) == [file]
    for who in (town.ana, town.ben, town.mia):
        assert who.get(f"/messages/image/{number}").status_code == 404
    if is_reported:
        assert reports(town.ana, town.conversation, 5).status_code == 303
        looks(town.mia, newest(db))
        assert town.mia.get(f"/moderation/{newest(db).id}/picture/0").status_code == 200
    ages(db, days=14)
    run_jobs()
    assert sealed(db) == []
    assert stored(app) == ([file] if is_reported else [])


def test_it_goes_with_its_senders_account(town, db, app):
    deletes(town.ben, town.conversation, 1)
    for step in account_deletion.steps():
        while step(town.ben.user.id):
            db.session.commit()
    assert sealed(db) == []
