"""What OpenLineage hears of a run, where Airflow's OpenLineage provider is installed: its data, and where it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aml_airflow.assets.aml import asset_to_openlineage, datastore_asset

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from aml_plugins import Run

__all__ = ["lineage_of"]


def lineage_of(run: Run | None) -> OperatorLineage[Any, Any]:
    """Return the run's inputs in datastores, its outputs if it is complete, and a facet that names it."""
    from airflow.providers.openlineage.extractors import OperatorLineage

    if run is None or run.record is None:
        return OperatorLineage()
    record = run.record
    data = record.config.get("data")
    complete = record.state == "Completed"
    sections = list(data.values()) if isinstance(data, Mapping) else []
    return OperatorLineage(
        inputs=[_dataset(one, record.workspace) for one in _of_mode(sections, upload=False)],
        outputs=[_dataset(one, record.workspace) for one in _of_mode(sections, upload=True)] if complete else [],
        run_facets={"amlRun": _facet(run)},
    )


def _of_mode(sections: Iterable[Any], *, upload: bool) -> list[Mapping[str, Any]]:
    return [one for one in sections if isinstance(one, Mapping) and (one.get("mode") == "upload") is upload]


def _dataset(section: Mapping[str, Any], workspace: str) -> Any:
    found = datastore_asset(str(section["datastore"]), str(section.get("path") or ""), workspace=workspace)
    return asset_to_openlineage(found, None)


def _facet(run: Run) -> Any:
    import attr  # noqa: PLC0415  as above
    from openlineage.client.facet_v2 import RunFacet  # noqa: PLC0415  as above

    fields = ("runId", "workspace", "experiment", "target", "targetType", "snapshot")
    made = attr.make_class("AmlRunFacet", dict.fromkeys(fields, attr.ib(default="")), bases=(RunFacet,), kw_only=True)
    record = run.record
    return made(
        runId=run.id,
        workspace=record.workspace if record else "",
        experiment=record.experiment_name if record else "",
        target=record.target if record else "",
        targetType=record.target_type if record else "",
        snapshot=(record.snapshot_digest or "") if record else "",
    )
