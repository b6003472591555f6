"""The database triggers that update the numbers of quotes in `post_count`, as SQL for each engine.

They work like the triggers of replies, which migrations/post_counts.py explains, and share the column `post.counted`
with them. A migration that changes user in batch mode must call `drop(op)` before and `create(op)` afterwards.
"""

from __future__ import annotations

from typing import Any

SQLITE = {
    "insert": """AFTER INSERT ON post WHEN new.quote_of_id IS NOT NULL AND new.counted BEGIN
    INSERT INTO post_count (post_id, replies, quotes) SELECT id, 0, 1 FROM post WHERE id = new.quote_of_id
        ON CONFLICT (post_id) DO UPDATE SET quotes = quotes + 1;
    UPDATE post SET counted = 0 WHERE id = new.id AND NOT (SELECT active FROM "user" WHERE id = new.author_id);
END""",
    "delete": """AFTER DELETE ON post WHEN old.quote_of_id IS NOT NULL AND old.counted BEGIN
    UPDATE post_count SET quotes = quotes - 1 WHERE post_id = old.quote_of_id;
END""",
    "update": """AFTER UPDATE OF counted ON post WHEN new.quote_of_id IS NOT NULL AND new.counted <> old.counted BEGIN
    UPDATE post_count SET quotes = quotes + new.counted - old.counted WHERE post_id = new.quote_of_id;
END""",
}

POSTGRESQL_FUNCTION = """quote_count_of_post() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO post_count AS known (post_id, replies, quotes)
            SELECT id, 0, 1 FROM post WHERE id = NEW.quote_of_id FOR KEY SHARE
            ON CONFLICT (post_id) DO UPDATE SET quotes = known.quotes + 1;
        IF NOT (SELECT active FROM "user" WHERE id = NEW.author_id) THEN
            UPDATE post SET counted = false WHERE id = NEW.id;
        END IF;
    ELSIF TG_OP = 'DELETE' AND OLD.counted THEN
        UPDATE post_count SET quotes = quotes - 1 WHERE post_id = OLD.quote_of_id;
    ELSIF TG_OP = 'UPDATE' AND NEW.counted <> OLD.counted THEN
        UPDATE post_count SET quotes = quotes + NEW.counted::integer - OLD.counted::integer
            WHERE post_id = NEW.quote_of_id;
    END IF;
    RETURN NULL;
END $$"""
DEFERRED = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
POSTGRESQL = {
    "reply_count_quote_insert": f"AFTER INSERT ON post {DEFERRED} WHEN (NEW.quote_of_id IS NOT NULL AND NEW.counted)",
    "reply_count_quote_delete": f"AFTER DELETE ON post {DEFERRED} WHEN (OLD.quote_of_id IS NOT NULL)",
    "reply_count_quote_update": f"AFTER UPDATE OF counted ON post {DEFERRED} WHEN (NEW.quote_of_id IS NOT NULL)",
}


def create(op: Any) -> None:
    """Create the triggers that count quotes, and on PostgreSQL the function that the triggers call.

    `op` is `alembic.op`, or an object with the same methods `execute` and `get_bind`.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE FUNCTION {POSTGRESQL_FUNCTION}")
        for name, when in POSTGRESQL.items():
            op.execute(f"CREATE CONSTRAINT TRIGGER {name} {when} EXECUTE FUNCTION quote_count_of_post()")
        return
    for name, body in SQLITE.items():
        op.execute(f"CREATE TRIGGER quote_count_{name} {body}")


def drop(op: Any) -> None:
    """Drop the triggers and the function that `create` creates."""
    if op.get_bind().dialect.name == "postgresql":
        for name in POSTGRESQL:
            op.execute(f"DROP TRIGGER {name} ON post")
        op.execute("DROP FUNCTION quote_count_of_post()")
        return
    for name in SQLITE:
        op.execute(f"DROP TRIGGER quote_count_{name}")
