"""Statements and aliases that the threads of a process share."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import joinedload

from app.core.database import execute_core, shared_alias
from app.models import ConversationMember, Follow, Message, User
from tests.factories import a_message, a_user


def test_threads_that_share_a_new_alias_build_the_same_statement():
    """Without `shared_alias`, about one alias in ten mixed columns of the alias and of its table here."""
    names = ["user_id", "state", "draft", "muted", "read_seq", "conversation_id"]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(100):
            alias, gate = shared_alias(ConversationMember), threading.Barrier(len(names))

            def build(first, alias=alias, gate=gate):
                gate.wait()
                return str(select(*(getattr(alias, name) for name in names[first:] + names[:first])))

            with ThreadPoolExecutor(len(names)) as pool:
                statements = list(pool.map(build, range(len(names))))
            assert not any("conversation_member." in statement for statement in statements)
    finally:
        sys.setswitchinterval(before)


def test_statements_with_joinedload_share_no_alias():
    """A shared alias would need `shared_alias`: SQLAlchemy 2.0 kept the aliases of `joinedload` in a pool."""
    query = select(Message).options(joinedload(Message.sender))
    joins = [one.compile().compile_state.statement.get_final_froms()[0] for one in (query, query.order_by(Message.id))]
    assert joins[0].right.element is joins[1].right.element is User.__table__
    assert joins[0].right is not joins[1].right


def test_core_statements_see_unflushed_changes(db):
    """As with `db.session.execute`. A count that misses the row of its own transaction would be a wrong badge."""
    ana = a_user("ana")
    count = select(func.count()).select_from(Follow).where(Follow.follower_id == bindparam("id"))
    db.session.add(Follow(follower_id=ana.id, followed_id=a_user("ben").id))
    with db.session.no_autoflush:
        assert execute_core(count, {"id": ana.id}).scalar() == 0
    assert execute_core(count, {"id": ana.id}).scalar() == 1


def test_inserted_rows_have_the_same_defaults_as_added_objects(db):
    ana, ben = a_user("ana"), a_user("ben")
    message = a_message(ana, ben, "hello")
    assert (message.kind, message.args, message.revision, message.edited_at) == ("text", {}, 0, None)
    assert message.created_at.tzinfo is not None
    assert message in db.session
    db.session.expunge(message)
    stored = db.session.get_one(Message, message.id)
    columns = Message.__table__.columns.keys()
    assert [getattr(stored, name) for name in columns] == [getattr(message, name) for name in columns]
