"""The store in SQLite or PostgreSQL, with SQLAlchemy Core. Tables in ``tables.py``, a module a noun."""
