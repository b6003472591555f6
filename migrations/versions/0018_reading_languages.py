"""Add the languages that members read, and an index for lists in these languages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

OPEN_ROOT = sa.text("reply_to_id IS NULL AND visibility IN ('public', 'members')")


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.add_column('user', sa.Column('reading_languages', sa.String(length=200), server_default='', nullable=False))
    op.create_index(
        'ix_post_open_roots_language',
        'post',
        ['language', 'id'],
        sqlite_where=OPEN_ROOT,
        postgresql_where=OPEN_ROOT,
    )


def downgrade() -> None:
    """Revert the upgrade."""
    op.drop_index('ix_post_open_roots_language', 'post')
    op.drop_column('user', 'reading_languages')
