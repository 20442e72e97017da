"""What README, tutorial and how-to pages tell readers to type is typed here, page by page, from top to bottom.

A page begins with an empty store. A line of output in a ``console`` block must be printed by the command above it;
``…`` stands for anything. RUN_ID and TASK_ID are the newest run and task. Blocks under ``<!-- not run: WHY -->`` are
left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

import pytest
from documentation import EXECUTED, ROOT, Block, blocks
from services.example_dags import LEFT_BEHIND, returned_in

from aml_plugins import Workspace

SECONDS = 1200  # a whole DAG, or an installation of MLflow, may run in one command, on a busy machine
# Nobody can run these here; a page that excludes more has to say so in this table too.
EXCLUDED = {
    "README.md": 3,
    "docs/tutorial/first-run.md": 1,
    "docs/how-to/deploy-to-kubernetes.md": 1,
    "docs/how-to/keep-secrets.md": 1,
    "docs/how-to/run-a-server.md": 3,
    "docs/how-to/run-on-a-vm-over-ssh.md": 1,
    "docs/how-to/share-a-workspace.md": 4,
    "docs/how-to/use-postgresql.md": 1,
    "docs/how-to/use-the-azure-emulator.md": 1,
    "docs/how-to/watch-and-notify.md": 1,
    "docs/how-to/watch-with-telemetry.md": 2,
    "docs/how-to/write-a-service-type.md": 2,
}
BLOB_ACCOUNT = "https://myaccount.blob.core.windows.net"
POSTGRESQL = "aml+postgresql://aml@db.example.com/aml"
SERVER = "http://aml.example.com:5000"
# Machines, engines and services that a page speaks of are real ones of the tests.
PLACES = {
    "gpu.example.com": "readers_machines",
    "example/python:1": "readers_engine",
    "mystorage.blob.core.windows.net": "readers_storage",
    "myaccount.westeurope": "readers_batch",
    "--subscription SUBSCRIPTION-ID": "readers_subscription",
    "my-hub.azure-devices.net": "readers_hub",
    "Microsoft.HDInsight/clusters/": "readers_clusters",
    "--set namespace=training": "readers_kubernetes",
    "--set namespace=scoring": "readers_cloud",
    "--set resource_group=team": "readers_groups",
    "spark.azurehdinsight.net": "readers_cluster",
    "spark.example.com": "readers_spark",
}
# Of one process with the other tests of a server that takes long to start.
GROUPS = {
    "deploy-to-container-instances.md": "networked-engine",
    "deploy-to-kubernetes.md": "kubernetes",
    "run-on-kubernetes.md": "kubernetes",
    "run-spark-on-hdinsight.md": "livy",
    "run-spark.md": "spark-connect",
}
# Pages that begin with what another page left: one reader follows that one first.
CONTINUES = {"score-in-batches-from-airflow.md": "sweep-over-targets-from-airflow.md"}
ONE_BY_ONE = """
import sys
programs, sys.argv[1:] = sys.argv[1:], []  # none of them was started with an argument
for program in programs:
    exec(compile(program, "-c", "exec"), {"__name__": "__main__"})
"""
EXPORT = re.compile(r"(\w+)=(\S*)")
EXAMPLE = re.compile(r"airflow dags test aml_example_(\w+)")


class Reader:
    """Somebody who types what a page says, in one directory and with one set of variables."""

    def __init__(self, variables: Mapping[str, str], replacements: Mapping[str, str]) -> None:
        self.variables = dict(variables)
        self._replacements = replacements

    def follow(self, found: Iterable[Block]) -> None:
        """Type blocks from top to bottom; Python that stands together is one process, each block a module of its own.

        What is imported is so once, not once a block: Airflow and MLflow take seconds.
        """
        shown = (block for block in found if block.language in {"console", "python"})
        for language, together in groupby(shown, key=lambda block: block.language):
            if language == "python":
                programs = [self._replaced(block.text) for block in together]
                self._run([sys.executable, "-c", ONE_BY_ONE, *programs], "\n".join(programs))
                continue
            for block in together:
                for command, output in commands(block.text):
                    self._type(command, output)

    def _type(self, command: str, output: list[str]) -> None:
        if command.startswith("export "):
            self._export(command.removeprefix("export "))
            return
        printed = self._run(["bash", "-c", self._filled_in(command)], command)
        wanted = ".*".join(re.escape(self._replaced(line)).replace("…", ".*") for line in output)
        assert re.search(wanted, printed, re.DOTALL), f"$ {command}\nprinted:\n{printed}\nnot:\n{output}"

    def _export(self, assignments: str) -> None:
        for name, value in EXPORT.findall(assignments):
            text = self._replaced(value)
            self.variables[name] = re.sub(r"\$(\w+)", lambda match: self.variables[match[1]], text)

    def _filled_in(self, command: str) -> str:
        for word, noun in (("RUN_ID", "run"), ("TASK_ID", "task")):
            if word in command:
                command = command.replace(word, self._newest(noun))
        return self._replaced(command)

    def _newest(self, noun: str) -> str:
        """Return the newest run's or task's id, read in this process: the command that lists them starts another."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.variables.items():
                patch.setenv(name, value)
            workspace = Workspace.get()
            store = workspace.context.store
            if noun == "run":
                return store.runs.list(workspace.name, limit=1)[0].run_id
            return store.tasks.list(workspace.name, limit=1)[0].task_id

    def _replaced(self, text: str) -> str:
        for old, new in self._replacements.items():
            text = text.replace(old, new)
        return text

    def _run(self, command: list[str], shown: str) -> str:
        done = subprocess.run(
            command,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{shown}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of a console block, each with the output lines below it."""
    command: str | None = None
    output: list[str] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield command, output
            command, output = line[2:].partition("    #")[0], []
        else:
            output.append(line)
    assert command is not None, f"No command in:\n{text}"
    yield command, output


def ways() -> Iterator[list[Path]]:
    """Yield what one reader follows: a page, and the pages before it that it continues."""
    named = {page.name: page for page in EXECUTED}
    for page in EXECUTED:
        if page.name not in CONTINUES.values():
            way = [page]
            while (before := CONTINUES.get(way[0].name)) is not None:
                way.insert(0, named[before])
            yield way


@pytest.mark.timeout(2400)
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(
            way,
            id=str(way[-1].relative_to(ROOT)),
            marks=[pytest.mark.xdist_group(GROUPS[way[-1].name])] if way[-1].name in GROUPS else [],
        )
        for way in ways()
    ],
)
def test_what_a_page_says_works(way: list[Path], reader: Mapping[str, str], request: pytest.FixtureRequest) -> None:
    found = [block for page in way for block in blocks(page) if block.not_run is None]
    text = "".join(page.read_text(encoding="utf-8") for page in way)
    somebody = Reader(reader, replacements_of(text, request))
    somebody.follow(found)
    for example in EXAMPLE.findall("".join(block.text for block in found)):
        database = Path(somebody.variables["AIRFLOW_HOME"], "airflow.db")
        LEFT_BEHIND[example](Workspace.get(), returned_in(database, f"aml_example_{example}"))


def replacements_of(text: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """Start what pages speak of; return what stands in them, and what is typed in its place."""
    replacements = {}
    if POSTGRESQL in text:
        replacements[POSTGRESQL] = f"aml+{request.getfixturevalue('postgresql_uri')}"
    if BLOB_ACCOUNT in text:
        azurite = request.getfixturevalue("azurite")
        azurite.create_container("training")
        Path("storage-key.txt").write_text(azurite.key)
        replacements[BLOB_ACCOUNT] = azurite.url
    for word, fixture in PLACES.items():
        if word in text:
            replacements |= request.getfixturevalue(fixture)
    if SERVER in text:
        replacements[SERVER] = request.getfixturevalue("aml_server").url
    return replacements


def test_what_is_not_run_is_counted() -> None:
    excluded = Counter(
        str(page.relative_to(ROOT)) for page in EXECUTED for block in blocks(page) if block.not_run is not None
    )
    assert dict(excluded) == EXCLUDED


def test_no_page_keeps_commands_from_being_run() -> None:
    """Commands stand in ``console`` blocks: elsewhere nothing would try them."""
    for page in EXECUTED:
        for block in blocks(page):
            typed = [line for line in block.text.splitlines() if re.match(r"\$ (aml|mlflow) ", line)]
            assert block.language == "console" or not typed, f"{page}:{block.line}"


@pytest.mark.parametrize(
    ("page", "file"),
    [
        ("submit-a-script.md", "hello/.aml/polite.runconfig"),
        ("use-data-in-runs.md", "data/.aml/count.runconfig"),
        ("use-data-in-runs.md", "data/count.py"),
        ("use-mlflow-projects.md", "project/MLproject"),
        ("use-mlflow-projects.md", "project/target.json"),
        ("run-in-docker.md", "hello/.aml/boxed.runconfig"),
        ("run-spark-on-hdinsight.md", "spark/.aml/petals.runconfig"),
    ],
)
def test_a_file_that_a_page_shows_is_the_file(page: str, file: str) -> None:
    content = (ROOT / "docs" / "examples" / file).read_text(encoding="utf-8")
    assert content in [block.text for block in blocks(ROOT / "docs" / "how-to" / page)]


@pytest.mark.parametrize("file", ["src/my_backend/backend.py.txt", "suite/test_my_backend.py.txt"])
def test_the_backend_that_a_page_shows_is_the_one_that_is_written(file: str) -> None:
    content = (ROOT / "aml_plugins" / "testing" / "template" / file).read_text(encoding="utf-8")
    assert content in [block.text for block in blocks(ROOT / "docs" / "how-to" / "write-a-compute-backend.md")]
    assert len(content.splitlines()) < 150


def test_the_reader_notices_output_that_is_not_printed(tmp_path: Path) -> None:
    somebody = Reader(os.environ, {})
    somebody.follow([Block("console", "$ printf 'a\\nb\\nc\\n'\na\n…\nc\n", 1, None)])
    with pytest.raises(AssertionError, match="printed"):
        somebody.follow([Block("console", "$ echo a\nb\n", 1, None)])
    with pytest.raises(AssertionError):
        somebody.follow([Block("console", "$ false\n", 1, None)])


def test_python_that_stands_together_is_run_block_by_block(tmp_path: Path) -> None:
    somebody, file = Reader(os.environ, {}), tmp_path / "told"
    blocks_ = [f"from pathlib import Path\nhere = {number}\nPath({str(file)!r}).touch()" for number in (1, 2)]
    somebody.follow([Block("python", text, 1, None) for text in [*blocks_, "assert __name__ == '__main__'"]])
    assert file.exists()
    for wrong in ("here", "raise SystemExit(3)"):
        with pytest.raises(AssertionError, match=r"here|SystemExit"):
            somebody.follow([Block("python", text, 1, None) for text in (*blocks_, wrong)])
