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
from tests.moderation.conftest import a_group, newest_report, send_report, view_evidence
from tests.support.pictures import picture, send_pictures, stored

INSULT = "You are a fool"
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")


def delete_message(who, conversation: int, seq: int, scope: str = "everybody") -> None:
    assert who.post_form(f"/messages/thread/{conversation}/{seq}/delete", {"scope": scope}).status_code == 303


def undo_message(who, conversation: int, seq: int) -> None:
    assert who.post_form(f"/messages/thread/{conversation}/{seq}/undo").status_code == 303


def age_messages(db, *, days: int) -> None:
    """Let all messages have been deleted that much sooner, and order the daily job."""
    for row in db.session.scalars(select(SealedMessage)):
        row.sealed_at -= timedelta(days=days)
        row.kept_until -= timedelta(days=days)
    for message in db.session.scalars(select(Message).where(Message.deleted_at.is_not(None))):
        message.deleted_at -= timedelta(days=days)
    enqueue("messages.remove_sealed")
    db.session.commit()


def sealed_texts(db) -> list[str]:
    return list(db.session.scalars(select(SealedMessage.body)))


def test_deleted_message_can_be_reported_and_read_by_moderators_only(members, db):
    delete_message(members.ben, members.conversation, 1)
    page = members.ana.get(f"/report/{members.conversation}?message=1").text
    assert 'id="tick-1" checked' in page and INSULT not in page
    assert f"/report/{members.conversation}?message=1" in members.ana.get("/messages/ben").text
    assert send_report(members.ana, members.conversation, 1).status_code == 303
    report = newest_report(db)
    shown = view_evidence(members.mia, report)
    assert INSULT in shown and "Deleted by the sender before it was reported" in shown
    assert "The signature is valid." in shown
    path = f"/report/receipt/{report.id}"
    receipt = members.ana.get(path).text
    assert INSULT not in receipt and "Only moderators can see what it said." in receipt
    assert INSULT not in members.ana.get(f"{path}/sealed.json").text


def test_withheld_text_matches_the_signed_commitment(members, db):
    delete_message(members.ben, members.conversation, 1)
    send_report(members.ana, members.conversation, 1)
    view_evidence(members.mia, newest_report(db))
    document = members.mia.get(f"/moderation/{newest_report(db).id}/sealed.json").json
    (item,), (withheld,) = json.loads(document["signed"])["items"], document["withheld"]
    content = f'{withheld["salt"]}{{"facts":{{}},"pictures":[],"text":"{INSULT}"}}'
    assert withheld["text"] == INSULT
    assert hashlib.sha256(content.encode()).hexdigest() == item["commitment"]


def test_sealed_message_is_deleted_when_its_time_expires(members, db, run_jobs):
    delete_message(members.ben, members.conversation, 1)
    age_messages(db, days=13)
    run_jobs()
    assert sealed_texts(db) == [INSULT]
    assert 'id="tick-1"' in members.ana.get(f"/report/{members.conversation}").text
    age_messages(db, days=1)
    assert 'id="tick-1"' not in members.ana.get(f"/report/{members.conversation}").text  # also when the job is late
    run_jobs()
    assert sealed_texts(db) == []
    assert 'id="tick-1"' not in members.ana.get(f"/report/{members.conversation}").text
    assert send_report(members.ana, members.conversation, 1).status_code == 422
    assert "?message=1" not in members.ana.get("/messages/ben").text


def test_retention_of_sealed_messages_is_configurable(members, db, configure):
    configure(SEALED_DAYS=0)
    delete_message(members.ben, members.conversation, 1)
    assert sealed_texts(db) == []
    assert "Deleted messages are kept" not in members.ana.get("/messages/ben").text
    configure(SEALED_DAYS=30)
    delete_message(members.ben, members.conversation, 3)
    (row,) = db.session.scalars(select(SealedMessage))
    assert (row.kept_until - row.sealed_at).days == 30
    assert "are kept for 30 days" in members.ana.get("/messages/ben").text


def test_sealed_message_is_in_no_page_export_or_search(members, db, run_jobs):
    delete_message(members.ben, members.conversation, 1)
    for who in (members.ana, members.ben):
        other = "ben" if who is members.ana else "ana"
        for path in (f"/messages/{other}", "/messages", "/messages/search?q=fool", f"/report/{members.conversation}"):
            assert INSULT not in who.get(path).text, path


def test_message_undone_before_it_was_read_is_not_sealed(members, db):
    message = a_message(members.ben.user, members.ana.user, "Oh no")
    undo_message(members.ben, members.conversation, message.seq)
    assert sealed_texts(db) == []
    assert f'id="tick-{message.seq}"' not in members.ana.get(f"/report/{members.conversation}").text


def test_message_undone_after_it_was_read_can_be_reported_by_the_reader(members, db, as_):
    cleo = as_("cleo")
    group = a_group(db, members.ana.user, members.ben.user, cleo.user)
    assert members.ben.post_form(f"/messages/thread/{group.id}/send", {"message": "Hah, fool"}).status_code == 303
    assert members.ana.post_form(f"/messages/thread/{group.id}/read", {"seq": 1}).status_code == 303
    undo_message(members.ben, group.id, 1)
    assert sealed_texts(db) == ["Hah, fool"]
    assert cleo.post_form(f"/messages/thread/{group.id}/read", {"seq": 1}).status_code == 303  # later: too late
    page = members.ana.get(f"/report/{group.id}").text
    assert 'id="tick-1"' in page and "Hah" not in page
    assert 'id="tick-1"' not in cleo.get(f"/report/{group.id}").text
    assert send_report(cleo, group.id, 1).status_code == 422
    assert "Hah" not in members.ana.get(f"/messages/thread/{group.id}").text
    assert send_report(members.ana, group.id, 1).status_code == 303
    assert "Hah, fool" in view_evidence(members.mia, newest_report(db))


def test_later_members_and_nonmembers_cannot_report_a_sealed_message(members, db, as_):
    eve, dora = as_("eve"), as_("dora")
    group = a_group(db, members.ana.user, members.ben.user)
    assert members.ben.post_form(f"/messages/thread/{group.id}/send", {"message": INSULT}).status_code == 303
    delete_message(members.ben, group.id, 1)
    conversation = db.session.get(Conversation, group.id)
    membership = ConversationMember(conversation_id=group.id, user_id=dora.user.id, state="accepted")
    membership.joined_seq = conversation.newest_seq
    db.session.add(membership)
    db.session.commit()
    assert 'id="tick-1"' not in dora.get(f"/report/{group.id}").text
    assert send_report(dora, group.id, 1).status_code == 422
    assert eve.get(f"/report/{group.id}").status_code == 404


@pytest.fixture
def own_folder(configure, tmp_path):
    configure(DATA_DIR=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("is_reported", [True, False])
def test_sealed_images_are_kept_with_the_message_and_with_a_report(members, db, app, run_jobs, own_folder, is_reported):
    send_pictures(members.ben, [picture()], to="ana")
    run_jobs()
    image = db.session.scalars(select(MessageImage)).one()
    number, file = image.id, image.file
    delete_message(members.ben, members.conversation, 5)
    assert stored(app) == [file]
    for who in (members.ana, members.ben, members.mia):
        assert who.get(f"/messages/image/{number}").status_code == 404
    if is_reported:
        assert send_report(members.ana, members.conversation, 5).status_code == 303
        view_evidence(members.mia, newest_report(db))
        assert members.mia.get(f"/moderation/{newest_report(db).id}/picture/0").status_code == 200
    age_messages(db, days=14)
    run_jobs()
    assert sealed_texts(db) == []
    assert stored(app) == ([file] if is_reported else [])


def test_sealed_message_is_deleted_with_its_senders_account(members, db, app):
    delete_message(members.ben, members.conversation, 1)
    for step in account_deletion.steps():
        while step(members.ben.user.id):
            db.session.commit()
    assert sealed_texts(db) == []
