"""Add lists of people, and an index of each author's posts that all members can see."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

OPEN_ROOT = sa.text("reply_to_id IS NULL AND visibility IN ('public', 'members')")


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.create_table('user_list',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_user_list_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_user_list')),
    sa.UniqueConstraint('user_id', 'name', name=op.f('uq_user_list_user_id_name')),
    sqlite_autoincrement=True
    )
    op.create_table('user_list_member',
    sa.Column('list_id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(
        ['list_id'], ['user_list.id'], name=op.f('fk_user_list_member_list_id_user_list'), ondelete='CASCADE'
    ),
    sa.ForeignKeyConstraint(
        ['user_id'], ['user.id'], name=op.f('fk_user_list_member_user_id_user'), ondelete='CASCADE'
    ),
    sa.PrimaryKeyConstraint('list_id', 'user_id', name=op.f('pk_user_list_member'))
    )
    op.create_index(op.f('ix_user_list_member_user_id'), 'user_list_member', ['user_id'])
    op.create_index(
        'ix_post_author_id_open', 'post', ['author_id', 'id'], sqlite_where=OPEN_ROOT, postgresql_where=OPEN_ROOT
    )


def downgrade() -> None:
    """Revert the upgrade. All lists are deleted."""
    op.drop_index('ix_post_author_id_open', 'post')
    op.drop_table('user_list_member')
    op.drop_table('user_list')
