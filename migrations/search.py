"""The full-text indexes on the columns `search_text`, as SQL for each engine. Migrations create and drop them.

SQLite gets an FTS5 table for each indexed table, without a copy of the text. Triggers update it after every INSERT,
UPDATE and DELETE, including cascades. PostgreSQL gets a GIN index on the same words. app/lib/text/search.py has already
split the text into words separated by spaces, so both engines return the same results.

Alembic's batch mode replaces a table on SQLite, which deletes the triggers of the table. So a migration that changes an
indexed table in batch mode must call `drop(op)` before and `create(op)` afterwards. In migrations/env.py, autogenerate
ignores all names that begin with post_search, user_search or message_search, including FTS5's internal tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NOUNS = ("post", "user")  # tables with the columns id and search_text; migration 0003 adds "message"

# Both functions are IMMUTABLE, so the expression can be indexed. Queries must use exactly the same expression.
WORDS = "array_to_tsvector(string_to_array({column}, ' '))"

# `detail = none` stores only which rows contain a word, not at which positions, because no query needs positions.
# `prefix` stores the same for prefixes of words. Without it, FTS5 merges the rows of all words with a prefix before it
# returns the first row: this takes 67 ms with 100,000 posts, instead of 0.2 ms. It makes the index a third larger.
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
    """Create the full-text indexes of the tables `nouns`, and fill them from the existing rows.

    `op` is `alembic.op`, or an object with the same methods `execute` and `get_bind`.
    """
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
    """Drop the full-text indexes of the tables `nouns`, and on SQLite the triggers that update them."""
    for noun in nouns:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP INDEX {noun}_search")
            continue
        for event in TRIGGERS:
            op.execute(f"DROP TRIGGER {noun}_search_{event}")
        op.execute(f"DROP TABLE {noun}_search")
