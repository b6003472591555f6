"""Add reposts of posts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import repost_counts

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.create_table('post_repost',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('post_id', sa.Integer(), nullable=False),
    sa.Column('counted', sa.Boolean(), server_default=sa.true(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['post.id'], name=op.f('fk_post_repost_post_id_post'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_post_repost_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_post_repost')),
    sa.UniqueConstraint('post_id', 'user_id', name=op.f('uq_post_repost_post_id_user_id'))
    )
    op.create_index('ix_post_repost_user_id_id', 'post_repost', ['user_id', 'id', 'post_id'])
    op.add_column('post_count', sa.Column('reposts', sa.Integer(), server_default='0', nullable=False))
    repost_counts.create(op)


def downgrade() -> None:
    """Revert the upgrade. All reposts are deleted."""
    repost_counts.drop(op)
    op.drop_column('post_count', 'reposts')
    op.drop_table('post_repost')
