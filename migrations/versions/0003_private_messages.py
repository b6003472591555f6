"""Add groups, message requests, images, message search, blocks, mutes, roles and reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.lib.text.search import search_text
from migrations import search

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

UNREAD = sa.text("newest_seq > read_seq")
SEARCHED = ('message',)


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    _people()
    _conversations()
    _messages()
    _relations()
    _moderation()


def _people() -> None:
    op.add_column('user', sa.Column('suspended_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('user', sa.Column('deletion_due_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('user', sa.Column('role', sa.String(length=12), server_default='member', nullable=False))
    op.add_column('user', sa.Column('writable_by', sa.String(length=12), server_default='everyone', nullable=False))
    op.add_column('user', sa.Column('receipts', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index('ix_user_deletion_due_at', 'user', ['deletion_due_at'])
    # The oldest account becomes the admin.
    op.execute('UPDATE "user" SET role = \'admin\' WHERE id = (SELECT min(id) FROM "user")')


def _conversations() -> None:
    op.add_column('conversation', sa.Column('name', sa.String(length=80), server_default='', nullable=False))
    op.add_column('conversation', sa.Column('revision', sa.Integer(), server_default='0', nullable=False))
    op.add_column('conversation', sa.Column('started_by_id', sa.Integer(), nullable=True))
    op.add_column('conversation', sa.Column('started_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_conversation_started_by_id', 'conversation', ['started_by_id', 'started_at'])
    for column in (
        sa.Column('state', sa.String(length=8), server_default='accepted', nullable=False),
        sa.Column('delivered_seq', sa.Integer(), server_default='0', nullable=False),
        sa.Column('joined_seq', sa.Integer(), server_default='0', nullable=False),
        sa.Column('left_seq', sa.Integer(), nullable=True),
        sa.Column('muted', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('muted_until', sa.DateTime(timezone=True), nullable=True),
        sa.Column('draft', sa.Text(), server_default='', nullable=False),
    ):
        op.add_column('conversation_member', column)
    op.drop_index('ix_conversation_member_inbox', 'conversation_member')
    op.create_index('ix_conversation_member_inbox', 'conversation_member', ['user_id', 'state', 'newest_message_id'])


def _messages() -> None:
    # No foreign key refers to messages yet. So SQLite's batch mode, which replaces the table, is safe.
    with op.batch_alter_table('message', table_kwargs={'sqlite_autoincrement': True}) as batch:
        batch.drop_index('ix_message_sender_id')
        batch.drop_constraint('fk_message_sender_id_user', type_='foreignkey')
        batch.alter_column('sender_id', existing_type=sa.Integer(), nullable=True)
        batch.create_foreign_key('fk_message_sender_id_user', 'user', ['sender_id'], ['id'], ondelete='SET NULL')
        batch.add_column(sa.Column('kind', sa.String(length=8), server_default='text', nullable=False))
        batch.add_column(sa.Column('args', sa.JSON(), server_default='{}', nullable=False))
        batch.add_column(sa.Column('search_text', sa.Text(), server_default='', nullable=False))
        batch.add_column(sa.Column('edited_at', sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column('revision', sa.Integer(), server_default='0', nullable=False))
    op.create_index('ix_message_sender_id_created_at', 'message', ['sender_id', 'created_at'])
    op.create_index('ix_message_revision', 'message', ['conversation_id', 'revision'])
    _make_findable()
    search.create(op, SEARCHED)
    op.create_table('message_image',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('message_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('file', sa.String(length=64), nullable=False),
    sa.Column('thumbnail', sa.String(length=64), nullable=False),
    sa.Column('alt', sa.Text(), nullable=False),
    sa.Column('width', sa.Integer(), nullable=False),
    sa.Column('height', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_message_image_message_id_message'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_message_image')),
    sa.UniqueConstraint('message_id', 'position', name=op.f('uq_message_image_message_id_position')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_message_image_file', 'message_image', ['file'])
    op.create_index('ix_message_image_thumbnail', 'message_image', ['thumbnail'])
    op.create_table('hidden_message',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('message_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_hidden_message_message_id_message'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('fk_hidden_message_user_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'message_id', name=op.f('pk_hidden_message'))
    )
    op.create_index('ix_hidden_message_message_id', 'hidden_message', ['message_id'])


def _make_findable() -> None:
    """Fill `search_text` of existing messages, in the format of app/messages/search_words.py."""
    message = sa.table('message', *(sa.column(name) for name in ('id', 'conversation_id', 'body', 'search_text')))
    member = sa.table('conversation_member', sa.column('conversation_id'), sa.column('user_id'))
    connection, last = op.get_bind(), 0
    while True:
        some = sa.select(message.c.id, message.c.conversation_id, message.c.body).where(message.c.id > last)
        rows = connection.execute(some.order_by(message.c.id).limit(500)).all()
        if not rows:
            return
        here = sa.select(member).where(member.c.conversation_id.in_({row.conversation_id for row in rows}))
        marks: dict[int, list[str]] = {}
        for conversation_id, user_id in connection.execute(here.order_by(member.c.user_id)):
            marks.setdefault(conversation_id, []).append(f'\ue000{user_id}')
        for row in rows:
            words = ' '.join([*marks.get(row.conversation_id, []), search_text(row.body)])
            connection.execute(sa.update(message).where(message.c.id == row.id).values(search_text=words))
        last = rows[-1].id


def _relations() -> None:
    op.create_table('block',
    sa.Column('blocker_id', sa.Integer(), nullable=False),
    sa.Column('blocked_id', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('blocker_id <> blocked_id', name=op.f('ck_block_not_oneself')),
    sa.ForeignKeyConstraint(['blocked_id'], ['user.id'], name=op.f('fk_block_blocked_id_user'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['blocker_id'], ['user.id'], name=op.f('fk_block_blocker_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('blocker_id', 'blocked_id', name=op.f('pk_block'))
    )
    op.create_index('ix_block_blocked_id', 'block', ['blocked_id'])
    op.create_table('mute',
    sa.Column('muter_id', sa.Integer(), nullable=False),
    sa.Column('muted_id', sa.Integer(), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('muter_id <> muted_id', name=op.f('ck_mute_not_oneself')),
    sa.ForeignKeyConstraint(['muted_id'], ['user.id'], name=op.f('fk_mute_muted_id_user'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['muter_id'], ['user.id'], name=op.f('fk_mute_muter_id_user'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('muter_id', 'muted_id', name=op.f('pk_mute'))
    )
    op.create_index('ix_mute_muted_id', 'mute', ['muted_id'])


def _moderation() -> None:
    op.create_table('report',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('conversation_id', sa.Integer(), nullable=True),
    sa.Column('reporter_id', sa.Integer(), nullable=True),
    sa.Column('accused_id', sa.Integer(), nullable=True),
    sa.Column('accused_name', sa.String(length=64), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('assignee_id', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('resolved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('seal', sa.String(length=64), nullable=False),
    sa.Column('form_key', sa.String(length=64), nullable=True),
    sa.ForeignKeyConstraint(['accused_id'], ['user.id'], name=op.f('fk_report_accused_id_user'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['assignee_id'], ['user.id'], name=op.f('fk_report_assignee_id_user'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_report_conversation_id_conversation'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['reporter_id'], ['user.id'], name=op.f('fk_report_reporter_id_user'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_report')),
    sa.UniqueConstraint('form_key', name=op.f('uq_report_form_key')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_report_state', 'report', ['state', 'id'])
    for column in ('accused_id', 'assignee_id', 'conversation_id', 'reporter_id'):
        op.create_index(f'ix_report_{column}', 'report', [column])
    op.create_table('reported_message',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('report_id', sa.Integer(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('sender_name', sa.String(length=64), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('images', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['report_id'], ['report.id'], name=op.f('fk_reported_message_report_id_report'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reported_message')),
    sa.UniqueConstraint('report_id', 'seq', name=op.f('uq_reported_message_report_id_seq'))
    )
    op.create_table('audit_entry',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor_id', sa.Integer(), nullable=True),
    sa.Column('actor_name', sa.String(length=64), nullable=False),
    sa.Column('action', sa.String(length=16), nullable=False),
    sa.Column('report_id', sa.Integer(), nullable=True),
    sa.Column('person_id', sa.Integer(), nullable=True),
    sa.Column('person_name', sa.String(length=64), nullable=False),
    sa.Column('args', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['actor_id'], ['user.id'], name=op.f('fk_audit_entry_actor_id_user'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['person_id'], ['user.id'], name=op.f('fk_audit_entry_person_id_user'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['report_id'], ['report.id'], name=op.f('fk_audit_entry_report_id_report'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_entry')),
    sqlite_autoincrement=True
    )
    for column in ('actor_id', 'person_id', 'report_id'):
        op.create_index(f'ix_audit_entry_{column}', 'audit_entry', [column])


def downgrade() -> None:
    """Revert the upgrade. Delete messages that the previous version of the code does not support.

    These are messages without a sender, and messages of other kinds than "text".
    """
    for table in ('audit_entry', 'reported_message', 'report', 'mute', 'block', 'hidden_message', 'message_image'):
        op.drop_table(table)
    search.drop(op, SEARCHED)
    op.execute("DELETE FROM message WHERE sender_id IS NULL OR kind <> 'text'")
    op.drop_index('ix_message_revision', 'message')
    op.drop_index('ix_message_sender_id_created_at', 'message')
    with op.batch_alter_table('message', table_kwargs={'sqlite_autoincrement': True}) as batch:
        for column in ('kind', 'args', 'search_text', 'edited_at', 'deleted_at', 'revision'):
            batch.drop_column(column)
        batch.drop_constraint('fk_message_sender_id_user', type_='foreignkey')
        batch.alter_column('sender_id', existing_type=sa.Integer(), nullable=False)
        batch.create_foreign_key('fk_message_sender_id_user', 'user', ['sender_id'], ['id'], ondelete='CASCADE')
        batch.create_index('ix_message_sender_id', ['sender_id'])
    op.drop_index('ix_conversation_member_inbox', 'conversation_member')
    op.create_index('ix_conversation_member_inbox', 'conversation_member', ['user_id', 'newest_message_id'])
    for column in ('state', 'delivered_seq', 'joined_seq', 'left_seq', 'muted', 'muted_until', 'draft'):
        op.drop_column('conversation_member', column)
    op.drop_index('ix_conversation_started_by_id', 'conversation')
    for column in ('name', 'revision', 'started_by_id', 'started_at'):
        op.drop_column('conversation', column)
    op.drop_index('ix_user_deletion_due_at', 'user')
    for column in ('suspended_at', 'deletion_due_at', 'role', 'writable_by', 'receipts'):
        op.drop_column('user', column)
