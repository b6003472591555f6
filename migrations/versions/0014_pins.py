"""Add the posts that people pin to their profiles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.create_table('post_pin',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('post_id', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['post.id'], name=op.f('fk_post_pin_post_id_post'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_post_pin_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_post_pin')),
    sa.UniqueConstraint('post_id', name=op.f('uq_post_pin_post_id')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_post_pin_user_id_id', 'post_pin', ['user_id', 'id'])


def downgrade() -> None:
    """Revert the upgrade. All pins are deleted."""
    op.drop_table('post_pin')
