"""The database triggers that update `post_poll.voters` and `post_poll_option.votes`, as SQL for each engine.

They work like the triggers of replies, which migrations/post_counts.py explains. Alembic's batch mode replaces a table
on SQLite, which deletes its triggers. So a migration that changes post_poll_vote or user in batch mode must call
`drop(op)` before and `create(op)` afterwards.
"""

from __future__ import annotations

from typing import Any

SQLITE = {
    "insert": """AFTER INSERT ON post_poll_vote WHEN new.counted BEGIN
    UPDATE post_poll SET voters = voters + 1 WHERE post_id = new.post_id;
    UPDATE post_poll_option SET votes = votes + 1
        WHERE post_id = new.post_id AND ((new.choices >> position) & 1) = 1;
    UPDATE post_poll_vote SET counted = 0 WHERE id = new.id AND NOT (SELECT active FROM "user" WHERE id = new.user_id);
END""",
    "delete": """AFTER DELETE ON post_poll_vote WHEN old.counted BEGIN
    UPDATE post_poll SET voters = voters - 1 WHERE post_id = old.post_id;
    UPDATE post_poll_option SET votes = votes - 1
        WHERE post_id = old.post_id AND ((old.choices >> position) & 1) = 1;
END""",
    "update": """AFTER UPDATE OF counted ON post_poll_vote WHEN new.counted <> old.counted BEGIN
    UPDATE post_poll SET voters = voters + new.counted - old.counted WHERE post_id = new.post_id;
    UPDATE post_poll_option SET votes = votes + new.counted - old.counted
        WHERE post_id = new.post_id AND ((new.choices >> position) & 1) = 1;
END""",
}

# The account is checked last, as in migrations/post_counts.py. Every transaction updates the row of post_poll first,
# so that two transactions never lock the options of a poll in different orders.
POSTGRESQL_FUNCTION = """vote_count_of_post() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    vote post_poll_vote := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    step integer := CASE TG_OP
        WHEN 'INSERT' THEN 1
        WHEN 'DELETE' THEN -1
        ELSE NEW.counted::integer - OLD.counted::integer
    END;
BEGIN
    IF step <> 0 THEN
        UPDATE post_poll SET voters = voters + step WHERE post_id = vote.post_id;
        UPDATE post_poll_option SET votes = votes + step
            WHERE post_id = vote.post_id AND ((vote.choices >> position) & 1) = 1;
    END IF;
    IF TG_OP = 'INSERT' AND NOT (SELECT active FROM "user" WHERE id = vote.user_id) THEN
        UPDATE post_poll_vote SET counted = false WHERE id = vote.id;
    END IF;
    RETURN NULL;
END $$"""
DEFERRED = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
POSTGRESQL = {
    "reply_count_vote_insert": f"AFTER INSERT ON post_poll_vote {DEFERRED} WHEN (NEW.counted)",
    "reply_count_vote_delete": f"AFTER DELETE ON post_poll_vote {DEFERRED} WHEN (OLD.counted)",
    "reply_count_vote_update": f"AFTER UPDATE OF counted ON post_poll_vote {DEFERRED}",
}


def create(op: Any) -> None:
    """Create the triggers that count votes, and on PostgreSQL the function that the triggers call.

    `op` is `alembic.op`, or an object with the same methods `execute` and `get_bind`.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE FUNCTION {POSTGRESQL_FUNCTION}")
        for name, when in POSTGRESQL.items():
            op.execute(f"CREATE CONSTRAINT TRIGGER {name} {when} EXECUTE FUNCTION vote_count_of_post()")
        return
    for name, body in SQLITE.items():
        op.execute(f"CREATE TRIGGER vote_count_{name} {body}")


def drop(op: Any) -> None:
    """Drop the triggers and the function that `create` creates."""
    if op.get_bind().dialect.name == "postgresql":
        for name in POSTGRESQL:
            op.execute(f"DROP TRIGGER {name} ON post_poll_vote")
        op.execute("DROP FUNCTION vote_count_of_post()")
        return
    for name in SQLITE:
        op.execute(f"DROP TRIGGER vote_count_{name}")
