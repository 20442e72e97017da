"""Run every benchmark: ``python -m benchmarks [NAME ...]``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BENCHMARKS = {
    "startup": HERE / "startup.py",
    "submission": HERE / "submission",
    "snapshot": HERE / "snapshot" / "bench_snapshot.py",
    "store": HERE / "store",
    "datastores": HERE / "datastores.py",
    "scoring": HERE / "scoring",
    "services": HERE / "services",
    "images": HERE / "images",
    "targets": HERE / "targets",
    "server": HERE / "server",
    "airflow": HERE / "airflow",
}


def main() -> None:
    wanted = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in wanted if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(unknown)}. There is: {', '.join(BENCHMARKS)}.")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for name in wanted:
        print(f"\n# {name}\n", flush=True)
        subprocess.run([sys.executable, str(BENCHMARKS[name])], env=environment, check=True)


if __name__ == "__main__":
    main()
