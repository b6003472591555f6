"""Add polls in posts, with their options and votes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import vote_counts

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.add_column('post', sa.Column('poll_id', sa.Integer(), nullable=True))
    op.create_table('post_poll',
    sa.Column('post_id', sa.Integer(), nullable=False),
    sa.Column('is_multiple', sa.Boolean(), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('voters', sa.Integer(), server_default='0', nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['post.id'], name=op.f('fk_post_poll_post_id_post'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('post_id', name=op.f('pk_post_poll'))
    )
    op.create_table('post_poll_option',
    sa.Column('post_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('text', sa.String(length=80), nullable=False),
    sa.Column('votes', sa.Integer(), server_default='0', nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['post_poll.post_id'], name=op.f('fk_post_poll_option_post_id_post_poll'),
        ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('post_id', 'position', name=op.f('pk_post_poll_option'))
    )
    op.create_table('post_poll_vote',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('post_id', sa.Integer(), nullable=False),
    sa.Column('choices', sa.SmallInteger(), nullable=False),
    sa.Column('counted', sa.Boolean(), server_default=sa.true(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['post_poll.post_id'], name=op.f('fk_post_poll_vote_post_id_post_poll'),
        ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_post_poll_vote_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_post_poll_vote')),
    sa.UniqueConstraint('post_id', 'user_id', name=op.f('uq_post_poll_vote_post_id_user_id')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_post_poll_vote_user_id_id', 'post_poll_vote', ['user_id', 'id'])
    op.create_index('ix_post_poll_vote_post_id_id', 'post_poll_vote', ['post_id', 'id'])
    vote_counts.create(op)


def downgrade() -> None:
    """Revert the upgrade. All polls and votes are deleted."""
    vote_counts.drop(op)
    op.drop_table('post_poll_vote')
    op.drop_table('post_poll_option')
    op.drop_table('post_poll')
    op.drop_column('post', 'poll_id')
