"""Our Alembic chain; its version table is ``aml_alembic_version``."""
