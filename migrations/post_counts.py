"""The database triggers that update the numbers of replies in `post_count`, as SQL for each engine.

Triggers are used because they also run for bulk deletes, for cascades, and for the previous version of the app while an
update is in progress. A reply is counted if its column `counted` is true. app/posts/counters.py updates this column
when an account is closed or restored.

On PostgreSQL, the triggers run at the commit. So if two users reply to the same post at the same time, their
transactions wait for each other only during the commit. The names of these triggers are sorted after those of
migrations/counts.py, so every transaction locks rows of `profile_count` first, then rows of `post_count`.

Don't use Alembic's batch mode for post on SQLite. It replaces the table, which deletes the triggers, and also the rows
of all tables that refer to post. Use ADD COLUMN and DROP COLUMN. A migration that changes user in batch mode must call
`drop(op)` before and `create(op)` afterwards.
"""

from __future__ import annotations

from typing import Any

SQLITE = {
    # A reply by an inactive account is first counted, too. Setting `counted` to 0 then runs the trigger "update".
    "insert": """AFTER INSERT ON post WHEN new.reply_to_id IS NOT NULL AND new.counted BEGIN
    INSERT INTO post_count (post_id, replies) SELECT id, 1 FROM post WHERE id = new.reply_to_id
        ON CONFLICT (post_id) DO UPDATE SET replies = replies + 1;
    UPDATE post SET counted = 0 WHERE id = new.id AND NOT (SELECT active FROM "user" WHERE id = new.author_id);
END""",
    "delete": """AFTER DELETE ON post WHEN old.reply_to_id IS NOT NULL AND old.counted BEGIN
    UPDATE post_count SET replies = replies - 1 WHERE post_id = old.reply_to_id;
END""",
    "update": """AFTER UPDATE OF counted ON post WHEN new.reply_to_id IS NOT NULL AND new.counted <> old.counted BEGIN
    UPDATE post_count SET replies = replies + new.counted - old.counted WHERE post_id = new.reply_to_id;
END""",
}

# There is no foreign key between a reply and its post, so the trigger locks the post to prevent its deletion. The
# account is checked last: waiting for the counter takes time, and the account may be closed meanwhile.
POSTGRESQL_FUNCTION = """reply_count_of_post() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO post_count AS known (post_id, replies)
            SELECT id, 1 FROM post WHERE id = NEW.reply_to_id FOR KEY SHARE
            ON CONFLICT (post_id) DO UPDATE SET replies = known.replies + 1;
        IF NOT (SELECT active FROM "user" WHERE id = NEW.author_id) THEN
            UPDATE post SET counted = false WHERE id = NEW.id;
        END IF;
    ELSIF TG_OP = 'DELETE' AND OLD.counted THEN
        UPDATE post_count SET replies = replies - 1 WHERE post_id = OLD.reply_to_id;
    ELSIF TG_OP = 'UPDATE' AND NEW.counted <> OLD.counted THEN
        UPDATE post_count SET replies = replies + NEW.counted::integer - OLD.counted::integer
            WHERE post_id = NEW.reply_to_id;
    END IF;
    RETURN NULL;
END $$"""
DEFERRED = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
POSTGRESQL = {
    "reply_count_insert": f"AFTER INSERT ON post {DEFERRED} WHEN (NEW.reply_to_id IS NOT NULL AND NEW.counted)",
    "reply_count_delete": f"AFTER DELETE ON post {DEFERRED} WHEN (OLD.reply_to_id IS NOT NULL)",
    "reply_count_update": f"AFTER UPDATE OF counted ON post {DEFERRED} WHEN (NEW.reply_to_id IS NOT NULL)",
}


def create(op: Any) -> None:
    """Create the triggers that count replies, and on PostgreSQL the function that the triggers call.

    `op` is `alembic.op`, or an object with the same methods `execute` and `get_bind`.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE FUNCTION {POSTGRESQL_FUNCTION}")
        for name, when in POSTGRESQL.items():
            op.execute(f"CREATE CONSTRAINT TRIGGER {name} {when} EXECUTE FUNCTION reply_count_of_post()")
        return
    for name, body in SQLITE.items():
        op.execute(f"CREATE TRIGGER reply_count_{name} {body}")


def drop(op: Any) -> None:
    """Drop the triggers and the function that `create` creates."""
    if op.get_bind().dialect.name == "postgresql":
        for name in POSTGRESQL:
            op.execute(f"DROP TRIGGER {name} ON post")
        op.execute("DROP FUNCTION reply_count_of_post()")
        return
    for name in SQLITE:
        op.execute(f"DROP TRIGGER reply_count_{name}")
