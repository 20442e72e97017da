"""What goes wrong in the SDK, in Airflow's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aml_airflow.airflow_errors import AirflowException, AirflowFailException
from aml_plugins.errors import AmlError, InvalidInputError, PluginError

__all__ = ["in_airflows_words"]


@contextmanager
def in_airflows_words() -> Iterator[None]:
    """Let a mistake in the call fail the task at once, and everything else be tried again as often as it may be.

    :raises AirflowFailException: for a mistake in the call; ``AirflowException`` for every other error of the SDK.
    """
    try:
        yield
    except (InvalidInputError, PluginError) as error:
        raise AirflowFailException(str(error)) from None
    except AmlError as error:
        raise AirflowException(str(error)) from None
