"""Add activity events, delivery preferences, push subscriptions, and counts of sent emails."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

UNREAD = sa.text("read_at IS NULL AND held_by = ''")
READ = sa.text("read_at IS NOT NULL")
HELD = sa.text("held_by <> ''")


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    op.create_table('delivery_preference',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('badge', sa.Boolean(), nullable=False),
    sa.Column('push', sa.Boolean(), nullable=False),
    sa.Column('mail', sa.String(length=8), nullable=False),
    sa.Column('grouped', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_delivery_preference_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'kind', name=op.f('pk_delivery_preference'))
    )
    op.create_table('delivery_profile',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('quiet_from', sa.Integer(), nullable=True),
    sa.Column('quiet_until', sa.Integer(), nullable=True),
    sa.Column('paused_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('digest_at', sa.Integer(), nullable=False),
    sa.Column('digest_weekday', sa.Integer(), nullable=False),
    sa.Column('not_following', sa.String(length=8), nullable=False),
    sa.Column('new_account', sa.String(length=8), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_delivery_profile_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_delivery_profile'))
    )
    op.create_table('mail_tally',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('sent', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_mail_tally_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('day', 'user_id', name=op.f('pk_mail_tally'))
    )
    op.create_table('activity',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('subject', sa.String(length=64), nullable=False),
    sa.Column('timestamp', sa.Double(), nullable=False),
    sa.Column('actor_id', sa.Integer(), nullable=True),
    sa.Column('post_id', sa.Integer(), nullable=True),
    sa.Column('args', sa.JSON(), nullable=False),
    sa.Column('held_by', sa.String(length=16), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('mailed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['actor_id'], ['user.id'], name=op.f('fk_activity_actor_id_user'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['post_id'], ['post.id'], name=op.f('fk_activity_post_id_post'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_activity_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_activity')),
    sa.UniqueConstraint('user_id', 'kind', 'subject', name=op.f('uq_activity_user_id_kind_subject')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_activity_user_id_timestamp', 'activity', ['user_id', 'timestamp', 'id'])
    op.create_index('ix_activity_unread', 'activity', ['user_id', 'kind'], sqlite_where=UNREAD, postgresql_where=UNREAD)
    op.create_index('ix_activity_post_id', 'activity', ['post_id'])
    op.create_index('ix_activity_actor_id', 'activity', ['actor_id'])
    op.create_index('ix_activity_read_at', 'activity', ['read_at'], sqlite_where=READ, postgresql_where=READ)
    op.create_index('ix_activity_held', 'activity', ['user_id', 'timestamp', 'id'], sqlite_where=HELD, postgresql_where=HELD)
    op.create_index('ix_job_name_queued_at', 'job', ['name', 'queued_at'])
    op.create_table('push_subscription',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('login_id', sa.String(length=64), nullable=False),
    sa.Column('endpoint', sa.Text(), nullable=False),
    sa.Column('endpoint_hash', sa.String(length=64), nullable=False),
    sa.Column('p256dh', sa.String(length=128), nullable=False),
    sa.Column('auth', sa.String(length=64), nullable=False),
    sa.Column('told_until', sa.Double(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['login_id'], ['login_session.id'], name=op.f('fk_push_subscription_login_id_login_session'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_push_subscription_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_push_subscription')),
    sa.UniqueConstraint('endpoint_hash', name=op.f('uq_push_subscription_endpoint_hash'))
    )
    op.create_index('ix_push_subscription_login_id', 'push_subscription', ['login_id'])
    op.create_index('ix_push_subscription_user_id', 'push_subscription', ['user_id'])
    _rename_waiting_mails()


def downgrade() -> None:
    """Revert the upgrade."""
    op.drop_index('ix_job_name_queued_at', 'job')
    for table in ('push_subscription', 'activity', 'mail_tally', 'delivery_profile', 'delivery_preference'):
        op.drop_table(table)


def _rename_waiting_mails() -> None:
    """Convert unfinished jobs, each of which emails a user about one conversation, to jobs about all messages.

    The new version of the code can't run the old jobs, so their emails would be lost. The new jobs have no unique key,
    because a user may have several of them. The first one sends everything, and the others find nothing to send.
    """
    job = sa.table('job', sa.column('id'), sa.column('name'), sa.column('args', sa.JSON()), sa.column('state'), sa.column('unique_key'))
    old = sa.select(job.c.id, job.c.args).where(job.c.name == 'messages.email_recipient', job.c.state != 'done')
    connection = op.get_bind()
    for identity, args in connection.execute(old).all():
        new = {'name': 'notifications.mail', 'args': {'user_id': args['recipient_id'], 'cadence': 'now'}, 'unique_key': None}
        connection.execute(sa.update(job).where(job.c.id == identity).values(**new))
