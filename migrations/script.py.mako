"""${message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Upgrade the schema. The previous version of the code must still work with the new schema."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Revert the upgrade."""
    ${downgrades if downgrades else "pass"}
