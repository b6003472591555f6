"""Add quotes: the post that a post quotes, and the number of quotes of a post."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import quote_counts

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None

QUOTE = sa.text('quote_of_id IS NOT NULL')
RESTRICTED_QUOTE = sa.text("quote_of_id IS NOT NULL AND visibility IN ('followers', 'mentioned')")
INDEXES = {
    'ix_post_quote_of_id_id': (['quote_of_id', 'id'], QUOTE),
    'ix_post_quote_of_id_author_id': (['quote_of_id', 'author_id'], QUOTE),
    'ix_post_quote_of_id_restricted': (['quote_of_id', 'visibility', 'author_id'], RESTRICTED_QUOTE),
}


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.add_column('post', sa.Column('quote_of_id', sa.Integer(), nullable=True))
    op.add_column('post_count', sa.Column('quotes', sa.Integer(), server_default='0', nullable=False))
    for name, (columns, condition) in INDEXES.items():
        op.create_index(name, 'post', columns, sqlite_where=condition, postgresql_where=condition)
    quote_counts.create(op)


def downgrade() -> None:
    """Revert the upgrade. Quotes are kept as posts without the post that they quoted."""
    quote_counts.drop(op)
    for name in INDEXES:
        op.drop_index(name, 'post')
    op.drop_column('post_count', 'quotes')
    op.drop_column('post', 'quote_of_id')
