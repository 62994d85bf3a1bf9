"""${message}."""

from migrations import script

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    script.run(${repr(upgrades)})


def downgrade() -> None:
    script.run(${repr(downgrades)})
