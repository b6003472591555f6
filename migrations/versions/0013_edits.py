"""Add earlier versions of posts, and the post that a redrafted reply answers.

During an update, processes of the previous version of the code keep running for some time. They show edited posts
without the label "edited".
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.add_column('post', sa.Column('revision', sa.Integer(), server_default='0', nullable=False))
    op.add_column('post', sa.Column('edited_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('post_draft', sa.Column('reply_to_id', sa.Integer(), nullable=True))
    op.create_table('post_revision',
    sa.Column('post_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('language', sa.String(length=16), nullable=False),
    sa.Column('warning', sa.String(length=120), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['post.id'], name=op.f('fk_post_revision_post_id_post'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('post_id', 'number', name=op.f('pk_post_revision'))
    )


def downgrade() -> None:
    """Revert the upgrade. The earlier versions of edited posts and the drafts of replies are deleted."""
    op.drop_table('post_revision')
    op.execute('DELETE FROM post_draft WHERE reply_to_id IS NOT NULL')
    op.drop_column('post_draft', 'reply_to_id')
    op.drop_column('post', 'edited_at')
    op.drop_column('post', 'revision')
