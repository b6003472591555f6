"""Add the columns, indexes and counters of replies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import post_counts

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

ROOT, REPLY = sa.text('reply_to_id IS NULL'), sa.text('reply_to_id IS NOT NULL')
INDEXES = {
    'ix_post_author_id_roots': (['author_id', 'id'], ROOT),
    'ix_post_roots': (['id'], ROOT),
    'ix_post_tree': (['tree_id', 'tree_path'], REPLY),
    'ix_post_reply_to_id': (['reply_to_id', 'author_id'], REPLY),
}


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    path = sa.String(length=384)
    if op.get_bind().dialect.name == 'postgresql':
        path = sa.String(length=384, collation='C')
    op.add_column('post', sa.Column('reply_to_id', sa.Integer(), nullable=True))
    op.add_column('post', sa.Column('tree_id', sa.Integer(), nullable=True))
    op.add_column('post', sa.Column('tree_path', path, server_default='', nullable=False))
    op.add_column('post', sa.Column('counted', sa.Boolean(), server_default=sa.true(), nullable=False))
    for name, (columns, condition) in INDEXES.items():
        op.create_index(name, 'post', columns, sqlite_where=condition, postgresql_where=condition)
    op.create_table('post_count',
    sa.Column('post_id', sa.Integer(), nullable=False),
    sa.Column('replies', sa.Integer(), server_default='0', nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['post.id'], name=op.f('fk_post_count_post_id_post'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('post_id', name=op.f('pk_post_count'))
    )
    post_counts.create(op)


def downgrade() -> None:
    """Revert the upgrade. Replies become posts that aren't replies."""
    post_counts.drop(op)
    op.drop_table('post_count')
    for name in INDEXES:
        op.drop_index(name, 'post')
    for name in ('counted', 'tree_path', 'tree_id', 'reply_to_id'):
        op.drop_column('post', name)
