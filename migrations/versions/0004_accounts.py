"""Add pending registrations and the time of the last password entry. Recompute the username skeletons."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.lib.text.names import SKELETON_POINTS, username_skeleton

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.add_column('login_session', sa.Column('password_at', sa.DateTime(timezone=True), nullable=True))
    op.create_table('pending_account',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('username', sa.String(length=64), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('email_key', sa.String(length=320), nullable=False),
    sa.Column('password_hash', sa.String(length=256), nullable=False),
    sa.Column('language', sa.String(length=16), nullable=False),
    sa.Column('timezone', sa.String(length=64), nullable=False),
    sa.Column('browser_hash', sa.String(length=64), nullable=False),
    sa.Column('nonce', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pending_account'))
    )
    op.create_index('ix_pending_account_email_key', 'pending_account', ['email_key'])
    op.create_index('ix_pending_account_expires_at', 'pending_account', ['expires_at'])
    _renew_skeletons()


def _renew_skeletons() -> None:
    """Recompute the skeletons of existing usernames with the current rules (app/lib/text/lookalikes.py).

    The skeleton of a username is the same for all usernames that look like it. It is unique. If existing usernames now
    have the same skeleton, one account gets it: the one that had it before, or else the oldest. The others get the
    skeleton followed by "#" and their id, which is the skeleton of no username. All accounts keep their usernames.
    """
    user = sa.table('user', *(sa.column(name) for name in ('id', 'username', 'username_skeleton')))
    connection = op.get_bind()
    rows = connection.execute(sa.select(user.c.id, user.c.username, user.c.username_skeleton).order_by(user.c.id)).all()
    fresh = {row.id: username_skeleton(row.username) for row in rows}
    held = {row.username_skeleton for row in rows if fresh[row.id] == row.username_skeleton}
    changed = [row for row in rows if fresh[row.id] != row.username_skeleton]
    for row in changed:  # set placeholders first, because a new skeleton may be the old one of another account
        connection.execute(sa.update(user).where(user.c.id == row.id).values(username_skeleton=f'#{row.id}'))
    for row in changed:
        skeleton, mark = fresh[row.id], f'#{row.id}'
        if skeleton in held:
            skeleton = skeleton[:SKELETON_POINTS - len(mark)] + mark
        held.add(skeleton)
        connection.execute(sa.update(user).where(user.c.id == row.id).values(username_skeleton=skeleton))


def downgrade() -> None:
    """Revert the upgrade, but keep the new skeletons.

    The previous version of the code works with them, because it only compares them with the skeletons of new usernames.
    """
    op.drop_table('pending_account')
    op.drop_column('login_session', 'password_at')
