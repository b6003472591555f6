"""A person's conversations in the file that they take along: all that they can see, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from app.core.time import now
from app.messages import export
from app.messages.actions import groups, send_message
from app.models import Block, Conversation, ConversationMember, HiddenMessage, Job, Message, MessageImage, Mute
from tests.factories import a_follow, a_message, a_post, a_user, acquainted

MANY = 3_000


@pytest.fixture
def ana(as_):
    return as_("ana")


@pytest.fixture
def download_export(ana, db, run_jobs):
    """`download_export()`: what ana's browser downloads after an export."""

    def download_export(browser=ana):
        assert browser.post_form("/export_posts").status_code == 303
        run_jobs()
        newest = select(Job.id).where(Job.owner_id == browser.user.id).order_by(Job.queued_at.desc())
        with browser.get(f"/tasks/{db.session.scalars(newest).first()}/download") as answer:
            assert answer.status_code == 200
            return answer.get_json()

    return download_export


def insert_messages(db, sender, recipient, number) -> None:
    first = a_message(sender, recipient, "message 1")
    here = {"conversation_id": first.conversation_id, "kind": "text", "args": {}, "search_text": ""}
    rows = [
        {**here, "seq": seq, "sender_id": (sender if seq % 2 else recipient).id, "body": f"message {seq}"}
        for seq in range(2, number + 1)
    ]
    newest = db.session.scalars(insert(Message).returning(Message.id, sort_by_parameter_order=True), rows).all()[-1]
    db.session.execute(update(Conversation).values(newest_seq=number))
    db.session.execute(update(ConversationMember).values(newest_message_id=newest))
    db.session.commit()


def test_export_contains_messages_of_both_members_with_their_senders(ana, download_export, db):
    ben = a_user("ben")
    first = a_message(ana.user, ben, 'No. 1: "ñ" 你好 👩‍👩‍👧‍👦\n</b>')
    second = a_message(ben, ana.user, "Second")
    second.edited_at = now()
    db.session.execute(
        insert(MessageImage),
        [{"message_id": second.id, "position": 0, "file": "a.webp", "alt": "A pier", "width": 1, "height": 1}],
    )
    a_message(ben, a_user("cleo"), "not ana's")
    membership = update(ConversationMember).where(ConversationMember.user_id == ana.user.id)
    db.session.execute(membership.values(draft="I was about to"))
    db.session.commit()
    image = db.session.scalars(select(MessageImage.id)).one()
    (found,) = download_export()["conversations"]
    assert (found["with"], found["people"], found["draft"]) == ("ben", ["ana", "ben"], "I was about to")
    assert found["messages"] == [
        {
            "id": first.id,
            "from": "ana",
            "body": first.body,
            "sent_at": first.created_at.isoformat(),
            "edited_at": None,
            "deleted": False,
            "images": [],
        },
        {
            "id": second.id,
            "from": "ben",
            "body": "Second",
            "sent_at": second.created_at.isoformat(),
            "edited_at": second.edited_at.isoformat(),
            "deleted": False,
            "images": [{"alt": "A pier", "url": f"http://microblog.test/messages/image/{image}"}],
        },
    ]


def test_export_contains_only_visible_messages(ana, download_export, db):
    ben = a_user("ben")
    hidden, undone, deleted, kept = (a_message(ben, ana.user, f"message {number}") for number in range(4))
    db.session.add(HiddenMessage(user_id=ana.user.id, message_id=hidden.id))
    undone.kind, undone.body = "undone", ""
    deleted.deleted_at, deleted.body = now(), ""
    db.session.commit()
    (found,) = download_export()["conversations"]
    assert [(one["id"], one["deleted"]) for one in found["messages"]] == [(deleted.id, True), (kept.id, False)]


def test_group_export_covers_the_time_of_membership(ana, as_, download_export, db):
    ben, cleo, dora = (a_user(name) for name in ("ben", "cleo", "dora"))
    for other in (ana.user, cleo, dora):
        acquainted(ben, other)
    group = groups.start(ben, [cleo, dora], "Bakers", "Before ana")
    groups.add(ben, group.id, [ana.user])
    db.session.commit()
    in_it = f"/messages/thread/{group.id}"
    as_(cleo).post_form(f"{in_it}/send", {"message": "With ana"})
    (found,) = [one for one in download_export()["conversations"] if "group" in one]
    assert (found["group"], found["people"]) == ("Bakers", ["ana", "ben", "cleo", "dora"])
    event, message = found["messages"]
    assert (event["event"], event["from"], event["username"]) == ("added", "ben", "ana")
    assert (message["from"], message["body"]) == ("cleo", "With ana")

    ana.post_form(f"{in_it}/leave")
    as_(cleo).post_form(f"{in_it}/send", {"message": "Without ana"})
    as_(cleo).post_form(f"{in_it}/name", {"name": "Secret bakers"})
    (found,) = [one for one in download_export()["conversations"] if "group" in one]
    assert (found["group"], found["left"], found["people"]) == ("", True, [])
    assert [message["body"] for message in found["messages"]] == ["", "With ana"]


def test_export_contains_requests_and_unsent_drafts(ana, as_, download_export, db):
    send_message(a_user("ben"), ana.user, "Who are you?")
    a_user("cleo")
    db.session.commit()
    ana.post_form("/messages/cleo/draft", {"message": "Dear Cleo", "own_seq": 0})
    request, begun = download_export()["conversations"]
    assert request["messages"][0]["body"] == "Who are you?"
    assert (begun["with"], begun["draft"], begun["messages"]) == ("cleo", "Dear Cleo", [])


def test_export_without_conversations_is_empty(download_export):
    assert download_export()["conversations"] == []


def test_many_messages_are_exported_in_batches_with_progress(ana, download_export, db, monkeypatch, mails, run_jobs):
    ben = a_user("ben")
    insert_messages(db, ana.user, ben, MANY)
    a_post(ana.user)
    seen, sizes = [], []
    monkeypatch.setattr("app.posts.export.REPORT_EVERY", 0.0)
    monkeypatch.setattr("app.posts.jobs.report_progress", seen.append)
    listed = export.queries.messages

    def messages(*args):
        for batch in listed(*args):
            sizes.append(len(batch))
            yield batch

    monkeypatch.setattr(export.queries, "messages", messages)
    content = download_export()
    (found,) = content["conversations"]
    assert [one["body"] for one in found["messages"]] == [f"message {seq}" for seq in range(1, MANY + 1)]
    assert [one["from"] for one in found["messages"][:2]] == ["ana", "ben"]
    assert sizes == [export.BATCH] * (MANY // export.BATCH)
    assert len(seen) >= 5 and seen == sorted(set(seen))
    assert len(content["posts"]) == 1
    run_jobs(advance=60)
    (mail,) = mails.to("ana@example.org")
    assert f"It also contains {MANY} messages" in mail.text


def test_export_contains_privacy_settings(ana, download_export, db):
    ben, cleo, dora = (a_user(name) for name in ("ben", "cleo", "dora"))
    until = now() + timedelta(days=1)
    db.session.add(Block(blocker_id=ana.user.id, blocked_id=ben.id))
    db.session.add(Mute(muter_id=ana.user.id, muted_id=cleo.id, until=until))
    db.session.add(Block(blocker_id=dora.id, blocked_id=ana.user.id))  # hers to tell, not ana's
    a_follow(ana.user, dora)
    ana.user.message_privacy = "friends_of_friends"
    db.session.commit()
    privacy = download_export()["privacy"]
    assert (privacy["message_privacy"], privacy["receipts"]) == ("friends_of_friends", False)
    assert [one["username"] for one in privacy["blocks"]] == ["ben"]
    assert [(one["username"], one["until"]) for one in privacy["mutes"]] == [("cleo", until.isoformat())]
    assert "dora" not in str(privacy)
