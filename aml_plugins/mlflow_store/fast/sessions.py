"""Sessions without a preamble.

On SQLite, MLflow's sessions set their connection up anew each time; that takes longer than most of what they are for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, PoolProxiedConnection, event
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from aml_plugins.mlflow_store.fast.seams import (
    BAD_REQUEST,
    INTERNAL_ERROR,
    TEMPORARILY_UNAVAILABLE,
    MlflowException,
    logger,
)

if TYPE_CHECKING:

    class _Base:
        """Either of MLflow's SQL stores; for the type checker only."""

        engine: Engine
        ManagedSessionMaker: Callable[..., AbstractContextManager[Session]]

        def __init__(self, *arguments: Any, **options: Any) -> None: ...

else:
    _Base = object

__all__ = ["LightSessions"]


class LightSessions(_Base):
    """Put before one of MLflow's SQL stores among the bases; leaves all but SQLite files as they are."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        in_file = self.engine.dialect.name == "sqlite" and self.engine.url.database not in (None, "", ":memory:")
        if in_file and getattr(self, "read_engine", None) is None:  # MLflow before 3.11 knows no replicas
            _set_up_once(self.engine)
            self.ManagedSessionMaker = _sessions(sessionmaker(bind=self.engine))


def _set_up_once(engine: Engine) -> None:
    """Give each connection of the engine, when it is made, the settings that MLflow gives each session."""
    if not event.contains(engine, "connect", _set_up):
        event.listen(engine, "connect", _set_up)
        engine.dispose()  # connections that were opened before


def _sessions(make: Callable[[], Session]) -> Callable[..., AbstractContextManager[Session]]:
    """Return what MLflow's ``ManagedSessionMaker`` is, for an engine that was set up.

    The session is committed at the end, rolled back where the block raises; errors are raised as MLflow raises them.
    """

    @contextmanager
    def sessions(read_only: bool = True) -> Iterator[Session]:  # noqa: FBT001, FBT002 - MLflow's signature
        with make() as session:
            try:
                if read_only and os.environ.get("PYTEST_CURRENT_TEST"):  # as in MLflow: its own tests rely on it
                    event.listen(session, "before_flush", _refuse)
                yield session
                session.commit()
            except MlflowException:
                session.rollback()
                raise
            except OperationalError as error:
                session.rollback()
                logger.exception("SQLAlchemy database error. The following exception is caught.\n%s", error)
                raise MlflowException(message=str(error), error_code=TEMPORARILY_UNAVAILABLE) from error
            except SQLAlchemyError as error:
                session.rollback()
                raise MlflowException(message=str(error), error_code=BAD_REQUEST) from error
            except Exception as error:
                session.rollback()
                raise MlflowException(message=str(error), error_code=INTERNAL_ERROR) from error

    return sessions


def _set_up(connection: PoolProxiedConnection, _record: object) -> None:
    cursor = connection.cursor()
    for setting in ("foreign_keys = ON", "busy_timeout = 20000", "case_sensitive_like = true"):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _refuse(*_: Any) -> None:
    raise MlflowException(
        "Write operation detected on a read-only session. Open the session with read_only=False to write in it.",
        error_code=INTERNAL_ERROR,
    )
