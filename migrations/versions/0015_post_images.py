"""Add the images of posts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.add_column('post', sa.Column('has_images', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table('post_image',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('post_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('file', sa.String(length=64), nullable=False),
    sa.Column('thumbnail', sa.String(length=64), nullable=False),
    sa.Column('alt', sa.Text(), nullable=False),
    sa.Column('width', sa.Integer(), nullable=False),
    sa.Column('height', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['post.id'], name=op.f('fk_post_image_post_id_post'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_post_image')),
    sa.UniqueConstraint('post_id', 'position', name=op.f('uq_post_image_post_id_position')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_post_image_file', 'post_image', ['file'])
    op.create_index('ix_post_image_thumbnail', 'post_image', ['thumbnail'])


def downgrade() -> None:
    """Revert the upgrade. The image files stay in DATA_DIR/media/posts, where nothing uses them anymore."""
    op.drop_table('post_image')
    op.drop_column('post', 'has_images')
