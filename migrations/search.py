"""The full-text indexes over `search_text`, per engine: SQL that models cannot say. Alembic's migrations call it.

SQLite gets an FTS5 table for each noun that keeps no copy of the text, and triggers that keep it true through every
INSERT, UPDATE and DELETE, cascades included. PostgreSQL gets a GIN index over the same words. Neither engine cuts
the words anew (app/lib/text/search.py says why), so both give the same answers.

A later migration that changes one of these tables in Alembic's batch mode makes the SQLite table anew, and its triggers
are lost with the old one: call `drop(op)` before it and `create(op)` after it. migrations/env.py keeps autogenerate
off every name that begins with post_search, user_search or message_search, the tables FTS5 makes for itself included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NOUNS = ("post", "user")  # tables with the columns id and search_text; "message" came with migration 0003

# Both functions are IMMUTABLE, so the expression may be indexed. Queries must spell it the same way.
WORDS = "array_to_tsvector(string_to_array({column}, ' '))"

# `detail = none` keeps, for each word, only the rows that have it: no query asks where in the text it stands.
# `prefix` keeps the same for the first letters of words. Without it, FTS5 merges the rows of all words that begin so
# before it returns the first: 67 ms among 100,000 posts, where it takes 0.2 ms. It adds a third to the index.
FTS5 = """
CREATE VIRTUAL TABLE {noun}_search USING fts5(
    search_text, content = '{noun}', content_rowid = 'id', tokenize = 'ascii', detail = 'none', columnsize = 0,
    prefix = '1 2 3 4 5 6 7 8 9 10 11 12'
)
"""
TRIGGERS = {
    "insert": """
CREATE TRIGGER {noun}_search_insert AFTER INSERT ON "{noun}" BEGIN
    INSERT INTO {noun}_search (rowid, search_text) VALUES (new.id, new.search_text);
END
""",
    "delete": """
CREATE TRIGGER {noun}_search_delete AFTER DELETE ON "{noun}" BEGIN
    INSERT INTO {noun}_search ({noun}_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
END
""",
    "update": """
CREATE TRIGGER {noun}_search_update AFTER UPDATE OF search_text ON "{noun}" BEGIN
    INSERT INTO {noun}_search ({noun}_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
    INSERT INTO {noun}_search (rowid, search_text) VALUES (new.id, new.search_text);
END
""",
}


def create(op: Any, nouns: Sequence[str] = NOUNS) -> None:
    """Make the indexes, and fill them from rows that are there already. `op` is Alembic's, or has its `execute`."""
    for noun in nouns:
        if op.get_bind().dialect.name == "postgresql":
            words = WORDS.format(column="search_text")
            op.execute(f'CREATE INDEX {noun}_search ON "{noun}" USING gin ({words})')
            continue
        op.execute(FTS5.format(noun=noun))
        for trigger in TRIGGERS.values():
            op.execute(trigger.format(noun=noun))
        op.execute(f"INSERT INTO {noun}_search ({noun}_search) VALUES ('rebuild')")


def drop(op: Any, nouns: Sequence[str] = NOUNS) -> None:
    """Remove what `create` made."""
    for noun in nouns:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP INDEX {noun}_search")
            continue
        for event in TRIGGERS:
            op.execute(f"DROP TRIGGER {noun}_search_{event}")
        op.execute(f"DROP TABLE {noun}_search")
