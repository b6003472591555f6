"""Rename user.writable_by to message_privacy, and its value "known" to "friends_of_friends".

This is the first of two steps. During an update, the previous version of the code still reads and writes the old
column. So triggers synchronise both columns for one release. A migration of the next release calls `drop_triggers` and
drops the old column.

The triggers cover updates only: both versions insert users with the default of both columns.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

NEW = "CASE {row}writable_by WHEN 'known' THEN 'friends_of_friends' ELSE {row}writable_by END"
OLD = "CASE {row}message_privacy WHEN 'friends_of_friends' THEN 'known' ELSE {row}message_privacy END"

# An update of one column updates the other. The WHEN clauses keep the two triggers from calling each other.
SQLITE = {
    'message_privacy_from_old': f"""AFTER UPDATE OF writable_by ON "user"
    WHEN new.writable_by <> old.writable_by AND new.message_privacy <> {NEW.format(row='new.')} BEGIN
    UPDATE "user" SET message_privacy = {NEW.format(row='')} WHERE id = new.id;
END""",
    'message_privacy_to_old': f"""AFTER UPDATE OF message_privacy ON "user"
    WHEN new.message_privacy <> old.message_privacy AND new.writable_by <> {OLD.format(row='new.')} BEGIN
    UPDATE "user" SET writable_by = {OLD.format(row='')} WHERE id = new.id;
END""",
}
POSTGRESQL = f"""CREATE FUNCTION sync_message_privacy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.message_privacy <> OLD.message_privacy THEN
        NEW.writable_by := {OLD.format(row='NEW.')};
    ELSIF NEW.writable_by <> OLD.writable_by THEN
        NEW.message_privacy := {NEW.format(row='NEW.')};
    END IF;
    RETURN NEW;
END $$"""


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    column = sa.Column('message_privacy', sa.String(length=20), server_default='everyone', nullable=False)
    op.add_column('user', column)
    op.execute(f"""UPDATE "user" SET message_privacy = {NEW.format(row='')} WHERE writable_by <> 'everyone'""")
    create_triggers()


def create_triggers() -> None:
    """Create the triggers that synchronise the two columns."""
    if op.get_bind().dialect.name == 'postgresql':
        op.execute(POSTGRESQL)
        op.execute('CREATE TRIGGER sync_message_privacy BEFORE UPDATE OF writable_by, message_privacy ON "user"'
                   ' FOR EACH ROW EXECUTE FUNCTION sync_message_privacy()')
        return
    for name, body in SQLITE.items():
        op.execute(f'CREATE TRIGGER {name} {body}')


def drop_triggers() -> None:
    """Drop the triggers that `create_triggers` creates."""
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP TRIGGER sync_message_privacy ON "user"')
        op.execute('DROP FUNCTION sync_message_privacy()')
        return
    for name in SQLITE:
        op.execute(f'DROP TRIGGER {name}')


def downgrade() -> None:
    """Drop the new column. The triggers have kept the old column up to date."""
    drop_triggers()
    op.drop_column('user', 'message_privacy')
