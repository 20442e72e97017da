"""Scoring servers, one worker each, the same iris model and single-row requests over kept connections, in turn.

``python benchmarks/scoring [--mlserver PYTHON] [--bentoml PYTHON] [--script KIND] [--only NAME …] [--seconds N]
[--rounds N]``: the Pythons of environments that have those servers and scikit-learn. Needs wrk, and Microsoft's server
from ``tools/azureml-inference-server install``. Processor time a request says more than the clock where other programs
run. Batching servers get batches of 16 at most: ours by ``AML_SCORING_BATCH_SIZE``, MLServer by ``max_batch_size``
(and a window of a millisecond, ``max_batch_time``), BentoML by ``batchable``, with its own defaults.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from contenders import SCRIPTS, Contender

ROOT = Path(__file__).parents[2]
CONNECTIONS = (1, 16)
START_SECONDS = 120
STOP_SECONDS = 60
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1000.0}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlserver")
    parser.add_argument("--bentoml")
    parser.add_argument(
        "--script", choices=sorted(SCRIPTS), default="model",
        help="model: the classifier; trivial: a run() that does nothing, the servers alone; numpy, pandas: the"
        " classifier behind inference-schema's decorator",
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of the servers: ours ours-batched microsoft …")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found = subprocess.run(
        [ROOT / "tools" / "azureml-inference-server", "find"], capture_output=True, text=True, check=False
    )
    pythons = {"microsoft": found.stdout.strip()}
    for peer in ("mlserver", "bentoml"):
        pythons[peer] = pythons[f"{peer}-batched"] = getattr(options, peer)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = []
        for number, contender in enumerate(SCRIPTS[options.script]):
            if options.only and contender.name not in options.only:
                continue
            python = pythons.get(contender.name, contender.python(sys.executable, pythons["microsoft"]))
            if python:
                running.append(Running(contender, python, directory, 18500 + 10 * number))
                stack.callback(running[-1].stop)
        measured = measure(running, options.rounds, options.seconds)
        report(running, measured)


class Running:
    """A contender's processes."""

    def __init__(self, contender: Contender, python: str, directory: Path, port: int) -> None:
        self.contender = contender
        self.port = port
        self.folder = directory / contender.name
        self.folder.mkdir()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(self.folder), "MLFLOW_DISABLE_TELEMETRY": "1"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        subprocess.run([python, Path(__file__).with_name("train.py"), self.folder], env=environment, check=True)
        contender.prepare(self.folder, port)
        begun = time.monotonic()
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                contender.command(python, self.folder, port),
                cwd=self.folder, env={**environment, **contender.variables(self.folder)},
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._await()
        self.start_seconds = time.monotonic() - begun
        self.script = self.folder / "wrk.lua"
        self.script.write_text(
            f"wrk.method = 'POST'\nwrk.body = '{contender.body}'\nwrk.headers['Content-Type'] = 'application/json'\n"
        )

    def _await(self) -> None:
        url = f"http://127.0.0.1:{self.port}{self.contender.path}"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            request = urllib.request.Request(url, self.contender.body.encode(), {"Content-Type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    answer.read()
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise SystemExit(f"{self.contender.name} does not answer:\n{(self.folder / 'log').read_text()[-3000:]}")

    def load(self, connections: int, seconds: int) -> tuple[float, float, float, float]:
        """Return requests a second, the milliseconds of p50 and p99, and those of processor time a request."""
        url = f"http://127.0.0.1:{self.port}{self.contender.path}"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(self.script), url]
        before = self.processor_seconds()
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        spent = 1000 * (self.processor_seconds() - before) / int(re.search(r"(\d+) requests in", told)[1])
        assert "Non-2xx" not in told, told
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])
        return rate, _milliseconds(told, "50%"), _milliseconds(told, "99%"), spent

    def processor_seconds(self) -> float:
        """Return what all its processes have used, in user and system mode."""
        fields = (text.rpartition(")")[2].split() for text in self._read("stat"))
        return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Return the resident memory of all its processes."""
        pages = sum(int(text.split()[1]) for text in self._read("statm"))
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def _read(self, file: str) -> Iterator[str]:
        """Yield a file of each process that descends from the one that was started; some make sessions of their own."""
        above = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                above[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        for pid in above:
            one = pid
            while one in above and one != self.process.pid:
                one = above[one]
            with suppress(OSError):
                if one == self.process.pid:
                    yield Path(f"/proc/{pid}/{file}").read_text()

    def stop(self) -> None:
        """Ask first: some servers' workers are not of its group, and end with it only if it can tell them."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _milliseconds(told: str, which: str) -> float:
    value, unit = re.search(rf"{which}\s+([\d.]+)(us|ms|s)", told).groups()
    return float(value) * UNITS[unit]


def measure(running: list[Running], rounds: int, seconds: int) -> dict:
    found: dict = {}
    for one in running:
        one.load(4, 1)  # warm
    for _ in range(rounds):
        for connections in CONNECTIONS:
            for one in running:
                found.setdefault((one.contender.name, connections), []).append(one.load(connections, seconds))
    return found


def report(running: list[Running], measured: dict) -> None:
    print("| | requests/s | times ours | processor ms | times ours | p50 ms | p99 ms | memory MB | start s |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for connections in CONNECTIONS:
        middle = {
            one.contender.name: [
                statistics.median(part) for part in zip(*measured[one.contender.name, connections], strict=True)
            ]
            for one in running
        }
        print(f"| **{connections} connection{'s' if connections > 1 else ''}** | | | | | | | | |")
        for one in running:
            rate, half, most, spent = middle[one.contender.name]
            row = [
                f"{rate:.0f}",
                f"{middle['ours'][0] / rate:.2f}",
                f"{spent:.3f}",
                f"{spent / middle['ours'][3]:.2f}",
                f"{half:.2f}",
                f"{most:.2f}",
                f"{one.megabytes():.0f}",
                f"{one.start_seconds:.1f}",
            ]
            print(f"| {one.contender.title} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
