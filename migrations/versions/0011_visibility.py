"""Add visibility levels and content warnings to posts and drafts, a default level to users, and recipients of posts.

During an update, processes of the previous version of the code keep running for some time. The previous version ignores
the visibility levels, and shows every post to all members.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

OPEN_ROOT = sa.text("reply_to_id IS NULL AND visibility IN ('public', 'members')")
HOME_ROOT = sa.text("reply_to_id IS NULL AND visibility <> 'mentioned'")
RESTRICTED = sa.text("visibility IN ('followers', 'mentioned')")
RESTRICTED_REPLY = sa.text("reply_to_id IS NOT NULL AND visibility IN ('followers', 'mentioned')")
ROOT = sa.text('reply_to_id IS NULL')
NEW_INDEXES = {
    'ix_post_author_id_home': (['author_id', 'id'], HOME_ROOT),
    'ix_post_open_roots': (['id'], OPEN_ROOT),
    'ix_post_author_id_restricted': (['author_id', 'visibility', 'id'], RESTRICTED),
    'ix_post_reply_to_id_restricted': (['reply_to_id', 'visibility', 'author_id'], RESTRICTED_REPLY),
}
OLD_INDEXES = {
    'ix_post_author_id_roots': (['author_id', 'id'], ROOT),
    'ix_post_roots': (['id'], ROOT),
}
Indexes = dict[str, tuple[list[str], sa.TextClause]]


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    for table, level in (('post', 'members'), ('post_draft', '')):
        op.add_column(table, sa.Column('visibility', sa.String(length=12), server_default=level, nullable=False))
        op.add_column(table, sa.Column('warning', sa.String(length=120), server_default='', nullable=False))
    op.add_column('user', sa.Column('post_visibility', sa.String(length=12), server_default='', nullable=False))
    op.create_table('post_recipient',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('post_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['post.id'], name=op.f('fk_post_recipient_post_id_post'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_post_recipient_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'post_id', name=op.f('pk_post_recipient'))
    )
    op.create_index(op.f('ix_post_recipient_post_id'), 'post_recipient', ['post_id'])
    _replace(OLD_INDEXES, NEW_INDEXES)


def downgrade() -> None:
    """Revert the upgrade. Raises RuntimeError if there are posts for followers or mentioned people only.

    The previous version of the code would show these posts to all members.
    """
    restricted = sa.text("SELECT count(*) FROM post WHERE visibility IN ('followers', 'mentioned')")
    if op.get_bind().scalar(restricted):
        raise RuntimeError(
            'Some posts are only for followers or mentioned people. The previous version would show them to everyone.'
            ' Delete them first: DELETE FROM post WHERE visibility IN (\'followers\', \'mentioned\')'
        )
    _replace(NEW_INDEXES, OLD_INDEXES)
    op.drop_table('post_recipient')
    op.drop_column('user', 'post_visibility')
    for table in ('post_draft', 'post'):
        op.drop_column(table, 'warning')
        op.drop_column(table, 'visibility')


def _replace(old: Indexes, new: Indexes) -> None:
    for name in old:
        op.drop_index(name, 'post')
    for name, (columns, condition) in new.items():
        op.create_index(name, 'post', columns, sqlite_where=condition, postgresql_where=condition)
