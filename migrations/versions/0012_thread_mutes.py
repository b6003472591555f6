"""Add mutes of threads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.create_table('thread_mute',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('root_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_thread_mute_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'root_id', name=op.f('pk_thread_mute'))
    )


def downgrade() -> None:
    """Revert the upgrade."""
    op.drop_table('thread_mute')
