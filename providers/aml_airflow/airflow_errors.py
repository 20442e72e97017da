"""Airflow's exceptions, which lie elsewhere before Airflow 3.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowTaskTimeout",
    "TaskDeferralTimeout",
]

if TYPE_CHECKING:
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowTaskTimeout,
        TaskDeferralTimeout,
    )
else:
    try:
        from airflow.sdk.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowNotFoundException,
            AirflowTaskTimeout,
            TaskDeferralTimeout,
        )
    except ImportError:
        from airflow.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowNotFoundException,
            AirflowTaskTimeout,
            TaskDeferralTimeout,
        )
