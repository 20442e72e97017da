"""A job's files on their way to the staging directory, and home."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aml_backends.hdinsight.livy import LOG_LINES
from aml_plugins.compute.results_archive import unpack_results
from aml_plugins.compute.spark_log import SPARK_LOG
from aml_plugins.compute.spark_section import files_from_snapshot

if TYPE_CHECKING:
    from aml_backends.hdinsight.site import Site
    from aml_backends.hdinsight.staging import Staging
    from aml_plugins.compute import JobSpec

__all__ = ["bring_home", "stage"]

_AGENT = Path(__file__).with_name("agent.py")


def stage(staging: Staging, key: str, spec: JobSpec) -> None:
    """Bring what a job needs into its directory; what Spark distributes comes out of the snapshot."""
    for name, local in spec.bundle.items():
        staging.put(key, f"bundle/{name}", local)
    for name, content in files_from_snapshot(spec, spec.bundle["snapshot.zip"]):
        staging.write(key, f"bundle/files/{name}", content)
    staging.put(key, "agent.py", _AGENT)


def bring_home(site: Site, key: str, destination: Path) -> None:
    """Bring the results of a job; of one that died before it packed them, the log and the records."""
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".results-") as directory:
        archive = Path(directory) / "results.tar"
        if site.staging.get(key, "results.tar", archive):
            unpack_results(archive, destination)
    log = destination / "logs" / "std_log.txt"
    if not log.is_file():
        log.parent.mkdir(exist_ok=True)
        site.staging.growing(key, "log").put_together(log)
        site.staging.growing(key, "records").put_together(destination / "records.jsonl")
    _bring_spark_log(site, key, log.with_name(SPARK_LOG))


def _bring_spark_log(site: Site, key: str, target: Path) -> None:
    batch = site.livy.find(key)
    lines = site.livy.log(int(batch["id"]), LOG_LINES) if batch else []
    if lines:
        target.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
