"""The database triggers that update the numbers of likes in `post_count`, as SQL for each engine.

They work like the triggers of replies, which migrations/post_counts.py explains. Alembic's batch mode replaces a table
on SQLite, which deletes its triggers. So a migration that changes post_like or user in batch mode must call `drop(op)`
before and `create(op)` afterwards.
"""

from __future__ import annotations

from typing import Any

SQLITE = {
    "insert": """AFTER INSERT ON post_like WHEN new.counted BEGIN
    INSERT INTO post_count (post_id, replies, likes) VALUES (new.post_id, 0, 1)
        ON CONFLICT (post_id) DO UPDATE SET likes = likes + 1;
    UPDATE post_like SET counted = 0 WHERE id = new.id AND NOT (SELECT active FROM "user" WHERE id = new.user_id);
END""",
    "delete": """AFTER DELETE ON post_like WHEN old.counted BEGIN
    UPDATE post_count SET likes = likes - 1 WHERE post_id = old.post_id;
END""",
    "update": """AFTER UPDATE OF counted ON post_like WHEN new.counted <> old.counted BEGIN
    UPDATE post_count SET likes = likes + new.counted - old.counted WHERE post_id = new.post_id;
END""",
}

# The like and its post may have been deleted before the trigger runs, at the commit. The account is checked last, as in
# migrations/post_counts.py.
POSTGRESQL_FUNCTION = """like_count_of_post() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO post_count AS known (post_id, replies, likes)
            SELECT id, 0, 1 FROM post WHERE id = NEW.post_id
            ON CONFLICT (post_id) DO UPDATE SET likes = known.likes + 1;
        IF NOT (SELECT active FROM "user" WHERE id = NEW.user_id) THEN
            UPDATE post_like SET counted = false WHERE id = NEW.id;
        END IF;
    ELSIF TG_OP = 'DELETE' AND OLD.counted THEN
        UPDATE post_count SET likes = likes - 1 WHERE post_id = OLD.post_id;
    ELSIF TG_OP = 'UPDATE' AND NEW.counted <> OLD.counted THEN
        UPDATE post_count SET likes = likes + NEW.counted::integer - OLD.counted::integer
            WHERE post_id = NEW.post_id;
    END IF;
    RETURN NULL;
END $$"""
DEFERRED = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
POSTGRESQL = {
    "reply_count_like_insert": f"AFTER INSERT ON post_like {DEFERRED} WHEN (NEW.counted)",
    "reply_count_like_delete": f"AFTER DELETE ON post_like {DEFERRED} WHEN (OLD.counted)",
    "reply_count_like_update": f"AFTER UPDATE OF counted ON post_like {DEFERRED}",
}


def create(op: Any) -> None:
    """Create the triggers that count likes, and on PostgreSQL the function that the triggers call.

    `op` is `alembic.op`, or an object with the same methods `execute` and `get_bind`.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE FUNCTION {POSTGRESQL_FUNCTION}")
        for name, when in POSTGRESQL.items():
            op.execute(f"CREATE CONSTRAINT TRIGGER {name} {when} EXECUTE FUNCTION like_count_of_post()")
        return
    for name, body in SQLITE.items():
        op.execute(f"CREATE TRIGGER like_count_{name} {body}")


def drop(op: Any) -> None:
    """Drop the triggers and the function that `create` creates."""
    if op.get_bind().dialect.name == "postgresql":
        for name in POSTGRESQL:
            op.execute(f"DROP TRIGGER {name} ON post_like")
        op.execute("DROP FUNCTION like_count_of_post()")
        return
    for name in SQLITE:
        op.execute(f"DROP TRIGGER like_count_{name}")
