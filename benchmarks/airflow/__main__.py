"""What the Airflow provider costs: ``python benchmarks/airflow [--only parsing|tasks|triggers] [--runs 1000]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the installations of the tests

from parsing import measure_parsing  # noqa: E402  found there
from services.airflow_installation import Airflow  # noqa: E402  as above
from services.aml_server import running_aml_server  # noqa: E402  as above
from tasks import measure_tasks  # noqa: E402  as above
from triggers import measure_triggers  # noqa: E402  as above


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--only", choices=["parsing", "tasks", "triggers"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aml-benchmark-") as directory:
        scratch = Path(directory)
        airflow = Airflow(scratch / "airflow")
        airflow.migrate()
        if given.only in {None, "parsing"}:
            measure_parsing(airflow, scratch)
        if given.only in {None, "tasks"}:
            measure_tasks(airflow, scratch)
        if given.only in {None, "triggers"}:
            with running_aml_server(scratch / "server", AML_SERVER_MONITOR="0") as server:
                measure_triggers(airflow, server, scratch, given.runs)


if __name__ == "__main__":
    main()
