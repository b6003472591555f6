"""What a message costs: few statements, and SQLite's write lock only while it is written."""

from __future__ import annotations

from html import unescape

import pytest
from sqlalchemy import Engine, event, update

from app.messages import conversation_responses
from app.messages.actions import groups
from app.models import Block, User
from tests.factories import a_follow, a_user

MOST = 14  # statements, with those of the session and of access control


@pytest.fixture
def recorded_statements():
    """What happens to the database, with `*` before the statements that run under SQLite's write lock."""
    seen, holds = [], [False]

    def executed(_connection, _cursor, statement, _parameters, _context, _many) -> None:
        holds[0] = holds[0] or statement == "BEGIN IMMEDIATE"
        seen.append(f"{'*' if holds[0] else ''}{statement}")

    def ended(_connection) -> None:
        holds[0] = False

    listeners = {"before_cursor_execute": executed, "commit": ended, "rollback": ended}
    for name, listener in listeners.items():
        event.listen(Engine, name, listener)
    yield seen
    for name, listener in listeners.items():
        event.remove(Engine, name, listener)


def between_check_and_action(monkeypatch, change) -> None:
    """Run `change` when the page has found that one may write, and before the action begins."""
    real = conversation_responses.send_options

    def slow(form):
        change()
        return real(form)

    monkeypatch.setattr(conversation_responses, "send_options", slow)


def test_sending_a_message_takes_few_statements(ana, ben, queries):
    form = {"message": "Hello", "form_key": "one"}
    ana.post_form("/send_message/ben", form)
    with queries() as asked:
        assert ana.post_form("/send_message/ben", form | {"message": "Hello again"}).status_code == 303
    assert len(asked) <= MOST, asked


def test_marking_messages_read_with_a_reply_adds_only_the_count(ana, ben, queries):
    ana.post_form("/send_message/ben", {"message": "Hello"})
    ben.post_form("/send_message/ana", {"message": "Hi"})
    for upto, more in ((2, 1), (3, 0)):  # the message of ben, and then the reply
        with queries() as asked:
            answer = ana.post_form("/send_message/ben", {"message": f"Reply {upto}", "read_upto": upto})
        assert answer.status_code == 303
        assert len(asked) <= MOST + more, asked


def test_sending_to_a_group_adds_only_job_statements_per_member(ana, people_of_a_group, queries):
    with queries() as asked:
        assert ana.post_form(f"/messages/thread/{people_of_a_group}/send", {"message": "Hello"}).status_code == 303
    clocks = [one for one in asked if "INTO notification_clock" in one]
    deliveries = [one for one in asked if "INTO job " in one or "delivery_profile.quiet_from" in one]
    assert len(clocks) == 1
    assert len(asked) <= MOST - 1 + len(deliveries), asked


@pytest.fixture
def people_of_a_group(ana, db):
    """The id of ana's group with five others who have accepted it."""
    others = [a_user(f"person{number}") for number in range(5)]
    for person in others:
        a_follow(person, ana.user)
    conversation = groups.start(ana.user, others, "Six", "Welcome")
    db.session.commit()
    return conversation.id


def test_nothing_is_loaded_or_rendered_under_the_write_lock(ana, ben, recorded_statements, configure):
    assert ana.post_form("/send_message/ben", {"message": "Hello"}).status_code == 303
    assert not [one for one in recorded_statements if one.startswith("*SELECT login_session")]
    recorded_statements.clear()
    configure(MESSAGE_MAX_LENGTH=3)
    assert ana.post_form("/send_message/ben", {"message": "too long"}).status_code == 422
    assert not [one for one in recorded_statements if one.startswith("*SELECT message.")], recorded_statements


@pytest.mark.parametrize("path", ["/messages/ben/read", "/messages/ben/draft", "/messages/delivered"])
def test_background_requests_of_a_page_lock_after_loading_the_session(ana, ben, recorded_statements, path):
    ben.post_form("/send_message/ana", {"message": "Hello"})
    recorded_statements.clear()
    answer = ana.post_form(path, {"seq": "1", "message": "Dear", "own_seq": "0", "timestamp": "1"})
    assert answer.status_code in {204, 303}
    assert not [one for one in recorded_statements if one.startswith("*SELECT login_session")]


@pytest.mark.parametrize("change", ["privacy", "block", "suspended"])
def test_changes_committed_before_the_lock_are_respected(as_, db, monkeypatch, change):
    ana, ben = as_("ana"), a_user("ben")
    ana_id, ben_id = ana.user.id, ben.id

    def happen() -> None:
        with db.engine.begin() as connection:
            if change == "block":
                connection.execute(Block.__table__.insert(), {"blocker_id": ben_id, "blocked_id": ana_id})
            else:
                values = {"message_privacy": "nobody"} if change == "privacy" else {"active": False}
                connection.execute(update(User).where(User.id == ben_id).values(**values))

    between_check_and_action(monkeypatch, happen)
    answer = ana.post_form("/send_message/ben", {"message": "one & two"})
    assert answer.status_code == 422
    assert "one & two" in unescape(answer.text)
