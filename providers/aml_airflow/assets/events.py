"""What a task did to our assets, said to Airflow: it triggers the DAGs that wait for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import AssetAlias  # noqa: TID253  this is the leaf that Airflow loads

if TYPE_CHECKING:
    from airflow.sdk import Asset, Context

__all__ = ["ALIAS", "announce", "announcing"]

ALIAS = AssetAlias("aml")
"""Outlet of tasks that know only when they run which asset it is: a name is a template, a workspace a connection's."""


def announcing(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return an operator's settings with the outlet by which it announces assets."""
    outlets = settings.get("outlets") or []
    listed = outlets if isinstance(outlets, list) else [outlets]
    return {**settings, "outlets": [*listed, ALIAS]}


def announce(context: Context, asset: Asset, **extra: Any) -> None:
    """Say that there is something new; Airflow notes it when the task succeeds.

    :param extra: what those who are triggered may want to know, as JSON values.
    """
    context["outlet_events"][ALIAS].add(asset, extra=extra)
