"""Add the stored content of deleted messages, reports of posts and people, and signatures of the evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.create_table('sealed_message',
    sa.Column('message_id', sa.Integer(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('images', sa.JSON(), nullable=False),
    sa.Column('sealed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('kept_until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('readers', sa.JSON(), nullable=True),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_sealed_message_message_id_message'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('message_id', name=op.f('pk_sealed_message'))
    )
    op.create_index('ix_sealed_message_kept_until', 'sealed_message', ['kept_until'])
    op.add_column('report', sa.Column('kind', sa.String(length=8), server_default='messages', nullable=False))
    op.add_column('report', sa.Column('post_id', sa.Integer(), nullable=True))
    op.add_column('report', sa.Column('signature', sa.String(length=96), server_default='', nullable=False))
    op.add_column('report', sa.Column('key_id', sa.String(length=16), server_default='', nullable=False))
    op.add_column('reported_message', sa.Column('facts', sa.JSON(), server_default='{}', nullable=False))
    op.add_column('reported_message', sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('reported_message', sa.Column('salt', sa.String(length=32), server_default='', nullable=False))


def downgrade() -> None:
    """Revert the upgrade. Delete reports of posts and people, because the previous version does not support them."""
    op.execute("DELETE FROM report WHERE kind <> 'messages'")
    for column in ('salt', 'deleted_at', 'facts'):
        op.drop_column('reported_message', column)
    for column in ('key_id', 'signature', 'post_id', 'kind'):
        op.drop_column('report', column)
    op.drop_table('sealed_message')
