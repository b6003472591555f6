"""Add drafts of posts, tags of posts, and search for flag emoji and for prefixes of words."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from app.lib.text.rich import tags
from app.lib.text.search import search_text, tag_key
from migrations import search

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

BATCH = 500  # rows in memory at a time
FLAG = '[\U0001f1e6-\U0001f1ff]'  # a regional indicator symbol; two of them form a flag
SEARCHED = ('post', 'user')


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.create_table('post_tag',
    sa.Column('post_id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['post.id'], name=op.f('fk_post_tag_post_id_post'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('post_id', 'key', name=op.f('pk_post_tag'))
    )
    op.create_index('ix_post_tag_key_post_id', 'post_tag', ['key', 'post_id'])
    op.create_table('post_draft',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('form_key', sa.String(length=40), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('language', sa.String(length=16), nullable=False),
    sa.Column('is_sent', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_post_draft_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'form_key', name=op.f('pk_post_draft'))
    )
    _find_flags()
    _collect_tags()
    if op.get_bind().dialect.name == 'sqlite':  # create the index again, now with prefixes
        search.drop(op, SEARCHED)
        search.create(op, SEARCHED)


def _find_flags() -> None:
    """Recompute the search text of rows with flag emoji. The previous code left flags out of it."""
    post, message = _table('post', 'body', 'search_text'), _table('message', 'body', 'search_text')
    user = _table('user', 'username', 'name', 'search_text')
    for row in _rows(post, _has_flag(post.c.body)):
        _set_words(post, row.id, search_text(row.body))
    for row in _rows(user, _has_flag(user.c.name)):
        _set_words(user, row.id, search_text(f'{row.username} {row.name}'))
    for row in _rows(message, _has_flag(message.c.body)):
        # Keep the tokens of the conversation's members (app/messages/search_words.py).
        people = [word for word in row.search_text.split() if word.startswith('\ue000')]
        if people:
            _set_words(message, row.id, ' '.join([*people, search_text(row.body)]).strip())


def _collect_tags() -> None:
    post = _table('post', 'body')
    post_tag = sa.table('post_tag', sa.column('post_id'), sa.column('key'), sa.column('name'))
    holds_sign = sa.or_(post.c.body.contains('#'), post.c.body.contains('＃'))
    for row in _rows(post, holds_sign):
        found = {tag_key(tag): tag for tag in reversed(tags(row.body)[:30])}
        values = [{'post_id': row.id, 'key': key, 'name': tag} for key, tag in found.items() if key]
        if values:
            op.get_bind().execute(sa.insert(post_tag), values)


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, sa.column('id'), *(sa.column(column) for column in columns))


def _has_flag(column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    if op.get_bind().dialect.name == 'postgresql':
        return column.op('~')(FLAG)
    return column.op('GLOB')(f'*{FLAG}*')


def _rows(table: sa.TableClause, condition: sa.ColumnElement[bool]) -> Iterator[sa.Row]:
    last = 0
    while True:
        some = sa.select(table).where(table.c.id > last, condition).order_by(table.c.id).limit(BATCH)
        rows = op.get_bind().execute(some).all()
        if not rows:
            return
        yield from rows
        last = rows[-1].id


def _set_words(table: sa.TableClause, row_id: int, words: str) -> None:
    op.get_bind().execute(sa.update(table).where(table.c.id == row_id).values(search_text=words))


def downgrade() -> None:
    """Revert the upgrade, but keep the new search text and index. The previous version of the code works with both."""
    op.drop_table('post_draft')
    op.drop_index('ix_post_tag_key_post_id', 'post_tag')
    op.drop_table('post_tag')
