"""Add likes and bookmarks of posts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import like_counts

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    for name, columns in {
        'post_like': [sa.Column('counted', sa.Boolean(), server_default=sa.true(), nullable=False)],
        'post_bookmark': [],
    }.items():
        op.create_table(name,
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('post_id', sa.Integer(), nullable=False),
        *columns,
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['post_id'], ['post.id'], name=op.f(f'fk_{name}_post_id_post'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f(f'fk_{name}_user_id_user'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f(f'pk_{name}')),
        sa.UniqueConstraint('post_id', 'user_id', name=op.f(f'uq_{name}_post_id_user_id')),
        sqlite_autoincrement=True
        )
        op.create_index(f'ix_{name}_user_id_id', name, ['user_id', 'id'])
    op.add_column('post_count', sa.Column('likes', sa.Integer(), server_default='0', nullable=False))
    like_counts.create(op)


def downgrade() -> None:
    """Revert the upgrade. All likes and bookmarks are deleted."""
    like_counts.drop(op)
    op.drop_column('post_count', 'likes')
    op.drop_table('post_bookmark')
    op.drop_table('post_like')
