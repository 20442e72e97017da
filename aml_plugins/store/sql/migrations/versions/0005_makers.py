"""Who began the creation of a compute target."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; of what there is already nobody knows."""
    op.add_column("aml_provisionings", sa.Column("maker", sa.Text(), nullable=False, server_default=""))
