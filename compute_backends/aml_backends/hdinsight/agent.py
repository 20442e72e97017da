"""What Spark starts on the cluster: fetches the job, runs it, passes on what it says. Standard library and py4j only.

``agent.py STAGING_URL KEY``: the job's directory (``staging.py`` has its files) and the key of its variables. Files are
read and written by Hadoop, through the Java gateway that spark-submit opened for this program: what the cluster may
read, this may. The script is a child that finds the same gateway in its environment, and is the Spark driver.
CPython 3.8 and newer.
"""

from __future__ import annotations

import ctypes
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["main"]

BUNDLE = "bundle"
FILES = {"log": "std_log.txt", "records": "records.jsonl"}
PAUSE_SECONDS = 1.0
PIECE_BYTES = 1 << 20
ENDED = ("succeeded", "failed", "cancelled")


class Storage:
    """The job's directory, through Hadoop."""

    def __init__(self, url: str) -> None:
        from pyspark.java_gateway import launch_gateway  # noqa: PLC0415  is there where Spark starts this program

        self._jvm: Any = launch_gateway().jvm
        self._url = url
        self._files = self._path("").getFileSystem(self._jvm.org.apache.spark.deploy.SparkHadoopUtil.get().conf())

    def name_application(self) -> None:
        """Give the Spark session the name that its user wants; Livy's own is the job's identity."""
        system = self._jvm.java.lang.System
        system.setProperty("spark.app.name", system.getProperty("spark.aml.name"))

    def claim(self) -> bool:
        """Take the one right to run the job."""
        return bool(self._files.createNewFile(self._path("claim")))

    def exists(self, name: str) -> bool:
        """Say whether a file is there."""
        return bool(self._files.exists(self._path(name)))

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder."""
        return [entry.getPath().getName() for entry in self._files.listStatus(self._path(folder)) if entry.isFile()]

    def get(self, name: str, local: str) -> None:
        """Bring a file to this machine."""
        self._files.copyToLocalFile(False, self._path(name), self._local(local), True)

    def put(self, name: str, local: str) -> None:
        """Store a file in place of what is there."""
        self._files.copyFromLocalFile(False, True, self._local(local), self._path(name))

    def delete(self, name: str) -> None:
        """Delete a file."""
        self._files.delete(self._path(name), False)

    def _path(self, name: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(self._url + ("/" + name if name else ""))

    def _local(self, path: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path("file://" + path)


class Agent:
    """One job."""

    def __init__(self, storage: Storage, directory: str) -> None:
        self._storage = storage
        self._directory = directory
        self._said = b""
        self._sent = dict.fromkeys(FILES, (0, 0))

    def run(self, key: str) -> int:
        """Run the job and return the exit code of its runner."""
        for name in self._storage.names(BUNDLE):
            self._storage.get(BUNDLE + "/" + name, self._file(name))
        spark = os.getppid()
        runner = self._start(self._variables(key))
        while runner.poll() is None:
            self._listen(runner, spark)
            self._pass_on(last=False)
            with suppress(subprocess.TimeoutExpired):
                runner.wait(PAUSE_SECONDS)
        self._speak_for_the_killed()
        self._pass_on(last=True)
        return runner.returncode

    def _speak_for_the_killed(self) -> None:
        """Say that the job ran where its runner was killed before its first word: it was lost, not refused by Spark."""
        if os.path.exists(self._file("started")) and not os.path.exists(self._file("status.json")):
            with open(self._file("status.json"), "w") as file:
                json.dump({"version": 1, "state": "running", "heartbeat": time.time()}, file)

    def _start(self, variables: dict[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", self._file("runner.pyz"), self._directory],
            env=dict(os.environ, **variables),
            stdin=subprocess.DEVNULL,
            preexec_fn=end_with_parent,  # noqa: PLW1509  py4j's threads hold no lock that prctl could want
        )

    def _listen(self, runner: subprocess.Popen[bytes], spark: int) -> None:
        """End the job where that is wanted, or where Spark is gone, and with it all that the script could do."""
        if os.getppid() != spark:
            runner.send_signal(signal.SIGTERM)
        elif self._storage.exists("cancel"):
            with open(self._file("cancel"), "a"):
                pass

    def _variables(self, key: str) -> dict[str, str]:
        name = "variables-" + hashlib.sha256(b"name" + bytes.fromhex(key)).hexdigest()[:16]
        local = self._file("sealed")
        self._storage.get(name, local)
        self._storage.delete(name)
        with open(local, "rb") as file:
            tag, body = file.read(32), file.read()
        os.unlink(local)
        return unseal(bytes.fromhex(key), tag, body)

    def _pass_on(self, *, last: bool) -> None:
        """Pass on what is new; a terminal status last, when all else is there."""
        for folder in FILES:
            while self._pass_piece(folder):
                pass
        said = self._read("status.json", 0)
        if not said or said == self._said or (not last and json.loads(said.decode()).get("state") in ENDED):
            return
        if last:
            self._pass_results()
        self._storage.put("status.json", self._file("status.json"))
        self._said = said

    def _pass_piece(self, folder: str) -> bool:
        number, offset = self._sent[folder]
        data = self._read(FILES[folder], offset)
        if data:
            piece = self._file("piece")
            with open(piece, "wb") as file:
                file.write(data)
            self._storage.put(f"{folder}/{number:08d}", piece)
            self._sent[folder] = (number + 1, offset + len(data))
        return bool(data)

    def _pass_results(self) -> None:
        sys.path.insert(0, self._file("runner.pyz"))
        from aml_runner.courier import pack  # type: ignore[import-not-found]  # noqa: PLC0415  of the job's runner

        pack(self._directory)
        self._storage.put("results.tar", self._file("results.tar"))

    def _read(self, name: str, offset: int) -> bytes:
        try:
            with open(self._file(name), "rb") as file:
                file.seek(offset)
                return file.read(PIECE_BYTES)
        except FileNotFoundError:
            return b""

    def _file(self, name: str) -> str:
        return os.path.join(self._directory, name)


def end_with_parent() -> None:
    """Have Linux end the runner should this program be killed (prctl(2), PR_SET_PDEATHSIG = 1)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)


def unseal(key: bytes, tag: bytes, body: bytes) -> dict[str, str]:
    """Open what ``sealing.py`` sealed."""
    if not hmac.compare_digest(tag, hmac.new(key, body, "sha256").digest()):
        raise ValueError("the variables were changed on their way")
    stream = hashlib.shake_256(b"stream" + key).digest(len(body))
    opened: dict[str, str] = json.loads(bytes(a ^ b for a, b in zip(body, stream)).decode())  # noqa: B905  is of 3.10
    return opened


def report(storage: Storage, directory: str, error: Exception) -> None:
    """Say why nothing ran, in the runner's words."""
    path = os.path.join(directory, "failed.json")
    now = time.time()
    first_line = str(error).split("\n")[0][:300]
    reason = f"The job cannot be run on the cluster: {type(error).__name__}: {first_line}"
    with open(path, "w") as file:
        json.dump({"version": 1, "state": "failed", "reason": reason, "heartbeat": now, "finished_at": now}, file)
    storage.put("status.json", path)


def main(arguments: list[str]) -> int:
    """Run the job of a staging directory, unless it was run before."""
    url, key = arguments
    storage = Storage(url)
    if not storage.exists(BUNDLE) or not storage.claim():  # nobody wants it any more, or it was run before
        return 0
    storage.name_application()
    directory = tempfile.mkdtemp(prefix="aml-job-")
    try:
        return Agent(storage, directory).run(key)
    except Exception as error:
        report(storage, directory, error)
        raise
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
