# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""The stores that this process has open: opening one takes longer than all that a run writes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TypeAlias

from aml_plugins.mlflow_store.engines import let_go
from aml_plugins.mlflow_store.registry import ModelRegistryStore
from aml_plugins.mlflow_store.tracking import TrackingStore
from aml_plugins.store.opening import plain_uri

__all__ = ["opened_stores"]

_Stores: TypeAlias = tuple[TrackingStore, ModelRegistryStore]

_KEPT = 8
_opened: OrderedDict[tuple[str, str], _Stores] = OrderedDict()
_changing = threading.Lock()


def opened_stores(store_uri: str, artifact_root: str) -> _Stores:
    """Return the stores of a database, opened by the first who asks for them.

    MLflow keeps an engine for each database for as long as the process lives. The connections of those that nobody
    asked for lately are closed here; where somebody still works with one, they open again.
    """
    key = (f"aml+{plain_uri(store_uri)}", artifact_root)  # with our tables, whichever way the caller writes it
    with _changing:
        found = _opened.get(key)
    found = found or (TrackingStore(*key), ModelRegistryStore(key[0]))  # two at once may do so: they share the engine
    with _changing:
        _opened[key] = found
        _opened.move_to_end(key)
        forgotten = [_opened.popitem(last=False)[1] for _ in range(len(_opened) - _KEPT)]
    for tracking, _ in forgotten:
        let_go(tracking.engine)
    return found
