"""Add posts that are published at a later time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.create_table('scheduled_post',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('author_id', sa.Integer(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('language', sa.String(length=16), nullable=False),
    sa.Column('visibility', sa.String(length=12), nullable=False),
    sa.Column('warning', sa.String(length=120), nullable=False),
    sa.Column('publish_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('refusal', sa.Text(), nullable=False),
    sa.Column('form_key', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['author_id'], ['user.id'], name=op.f('fk_scheduled_post_author_id_user'),
                            ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_scheduled_post')),
    sa.UniqueConstraint('form_key', name=op.f('uq_scheduled_post_form_key')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_scheduled_post_author_id_publish_at', 'scheduled_post', ['author_id', 'publish_at'])
    op.create_index('ix_scheduled_post_publish_at', 'scheduled_post', ['publish_at'])


def downgrade() -> None:
    """Revert the upgrade. All scheduled posts are deleted."""
    op.drop_table('scheduled_post')
