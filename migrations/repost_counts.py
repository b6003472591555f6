"""The database triggers that update the numbers of reposts in `post_count`, as SQL for each engine.

They work like the triggers of likes, which migrations/like_counts.py explains. A migration that changes post_repost or
user in batch mode must call `drop(op)` before and `create(op)` afterwards.
"""

from __future__ import annotations

from typing import Any

SQLITE = {
    "insert": """AFTER INSERT ON post_repost WHEN new.counted BEGIN
    INSERT INTO post_count (post_id, reposts) VALUES (new.post_id, 1)
        ON CONFLICT (post_id) DO UPDATE SET reposts = reposts + 1;
    UPDATE post_repost SET counted = 0 WHERE id = new.id AND NOT (SELECT active FROM "user" WHERE id = new.user_id);
END""",
    "delete": """AFTER DELETE ON post_repost WHEN old.counted BEGIN
    UPDATE post_count SET reposts = reposts - 1 WHERE post_id = old.post_id;
END""",
    "update": """AFTER UPDATE OF counted ON post_repost WHEN new.counted <> old.counted BEGIN
    UPDATE post_count SET reposts = reposts + new.counted - old.counted WHERE post_id = new.post_id;
END""",
}

POSTGRESQL_FUNCTION = """repost_count_of_post() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO post_count AS known (post_id, reposts)
            SELECT id, 1 FROM post WHERE id = NEW.post_id
            ON CONFLICT (post_id) DO UPDATE SET reposts = known.reposts + 1;
        IF NOT (SELECT active FROM "user" WHERE id = NEW.user_id) THEN
            UPDATE post_repost SET counted = false WHERE id = NEW.id;
        END IF;
    ELSIF TG_OP = 'DELETE' AND OLD.counted THEN
        UPDATE post_count SET reposts = reposts - 1 WHERE post_id = OLD.post_id;
    ELSIF TG_OP = 'UPDATE' AND NEW.counted <> OLD.counted THEN
        UPDATE post_count SET reposts = reposts + NEW.counted::integer - OLD.counted::integer
            WHERE post_id = NEW.post_id;
    END IF;
    RETURN NULL;
END $$"""
DEFERRED = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
POSTGRESQL = {
    "reply_count_repost_insert": f"AFTER INSERT ON post_repost {DEFERRED} WHEN (NEW.counted)",
    "reply_count_repost_delete": f"AFTER DELETE ON post_repost {DEFERRED} WHEN (OLD.counted)",
    "reply_count_repost_update": f"AFTER UPDATE OF counted ON post_repost {DEFERRED}",
}


def create(op: Any) -> None:
    """Create the triggers that count reposts, and on PostgreSQL the function that the triggers call.

    `op` is `alembic.op`, or an object with the same methods `execute` and `get_bind`.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE FUNCTION {POSTGRESQL_FUNCTION}")
        for name, when in POSTGRESQL.items():
            op.execute(f"CREATE CONSTRAINT TRIGGER {name} {when} EXECUTE FUNCTION repost_count_of_post()")
        return
    for name, body in SQLITE.items():
        op.execute(f"CREATE TRIGGER repost_count_{name} {body}")


def drop(op: Any) -> None:
    """Drop the triggers and the function that `create` creates."""
    if op.get_bind().dialect.name == "postgresql":
        for name in POSTGRESQL:
            op.execute(f"DROP TRIGGER {name} ON post_repost")
        op.execute("DROP FUNCTION repost_count_of_post()")
        return
    for name in SQLITE:
        op.execute(f"DROP TRIGGER repost_count_{name}")
