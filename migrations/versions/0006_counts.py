"""Add the cached counters of profiles: posts, followers, and followed users."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import counts

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.create_table('profile_count',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('posts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('followers', sa.Integer(), server_default='0', nullable=False),
    sa.Column('following', sa.Integer(), server_default='0', nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_profile_count_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_profile_count'))
    )
    op.add_column('follow', sa.Column('counted', sa.Boolean(), server_default=sa.true(), nullable=False))
    counts.fill(op)
    counts.create(op)


def downgrade() -> None:
    """Revert the upgrade."""
    counts.drop(op)
    with op.batch_alter_table('follow') as batch_op:
        batch_op.drop_column('counted')
    op.drop_table('profile_count')
