"""Wall clocks that jump while a server works, or under its database: leases hold, and let go."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from services.aml_server import AmlServer, running_aml_server
from services.clock import Clock
from services.postgresql import INSTALL, find_programs, running_server
from services.requirements import require_service
from services.run_records import new_run

from aml_plugins import ScriptRunConfig, Workspace
from aml_plugins.errors import LeaseLostError
from aml_plugins.store.leases import LONGEST_LEASE_SECONDS, new_owner
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import ImageRecord
from aml_plugins.testing.waiting import wait_until

pytestmark = pytest.mark.timeout(600)

HOUR = 3600
GONE = "elsewhere/boot/1/2/abc"
"""A driver on a machine that nobody can look at."""


@pytest.fixture
def clock() -> Iterator[Clock]:
    with tempfile.TemporaryDirectory(prefix="aml-clock-") as directory:
        Path(directory).chmod(0o755)  # PostgreSQL reads it as a user of its own
        yield Clock(Path(directory) / "offset")


@pytest.fixture(params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, clock: Clock, tmp_path: Path, migrated_database: Path, migrated_statements: Path
) -> Iterator[AmlServer]:
    """A server whose clock moves, or one on a PostgreSQL whose clock moves."""
    if request.param == "sqlite":
        with running_aml_server(tmp_path / "server", database=migrated_database, **clock.variables) as started:
            yield started
        return
    programs = find_programs()
    require_service("PostgreSQL", programs, INSTALL)
    with running_server(programs, clock.variables) as database:
        uri = f"aml+{database.uri(database.load(migrated_statements))}"
        with running_aml_server(tmp_path / "server", store_uri=uri) as started:
            yield started


def new_image(**changes: object) -> ImageRecord:
    values: dict = {"workspace": "default", "name": f"i{uuid.uuid4().hex[:8]}", "state": "Building", "builder": "oci"}
    return ImageRecord(**(values | {"config": {}} | changes))


def test_what_a_dead_driver_held_is_free_however_far_the_clock_goes_back(server: AmlServer, clock: Clock) -> None:
    store, me = open_store(server.url), new_owner()
    run, image = store.runs.add(new_run()), store.images.add(new_image())
    assert store.runs.acquire([run.run_id], GONE, 60) == [run.run_id]
    assert store.images.acquire(image, GONE, 60)
    assert store.runs.acquire([run.run_id], me, 60) == []
    assert not store.images.acquire(image, me, 60)
    clock.set(-24 * HOUR)
    assert [due.run_id for due in store.runs.due(me)] == [run.run_id]
    assert [due.name for due in store.images.due(me)] == [image.name]
    assert store.runs.acquire([run.run_id], me, 60) == [run.run_id]
    assert store.images.acquire(image, me, 60)
    # And by the clock as it is now, it is held.
    assert store.runs.acquire([run.run_id], GONE, 60) == []
    assert not store.images.acquire(image, GONE, 60)


def test_a_short_way_back_makes_no_lease_longer_than_the_longest(server: AmlServer, clock: Clock) -> None:
    store, me = open_store(server.url), new_owner()
    run = store.runs.add(new_run())
    store.runs.acquire([run.run_id], GONE, 60)
    clock.set(-300)
    assert store.runs.acquire([run.run_id], me, 60) == []
    clock.set(-int(LONGEST_LEASE_SECONDS) - 120)
    assert store.runs.acquire([run.run_id], me, 60) == [run.run_id]


def test_a_driver_goes_on_when_the_clock_goes_forward(server: AmlServer, clock: Clock) -> None:
    """Its leases have expired at once; while nobody has taken them, they are still its own."""
    store, me, other = open_store(server.url), new_owner(), new_owner()
    run, image = store.runs.add(new_run()), store.images.add(new_image())
    assert store.runs.acquire([run.run_id], me, 60) == [run.run_id]
    assert store.images.acquire(image, me, 60)
    clock.set(24 * HOUR)
    run = store.runs.save(replace(run, state="Preparing"), owner=me)
    image = store.images.save(replace(image, digest="sha256:1"), owner=me)
    assert store.runs.acquire([run.run_id], other, 60) == [run.run_id]
    assert store.images.acquire(image, other, 60)
    with pytest.raises(LeaseLostError):
        store.runs.save(replace(run, state="Queued"), owner=me)
    with pytest.raises(LeaseLostError):
        store.images.save(replace(image, digest="sha256:2"), owner=me)
    assert store.runs.save(replace(run, state="Queued"), owner=other).state == "Queued"


SCRIPT = """
import pathlib, sys, time
places = pathlib.Path(sys.argv[1])
with (places / "starts").open("a") as starts:
    starts.write("started\\n")
while not (places / "go").exists():
    time.sleep(0.05)
print("done")
"""


@pytest.fixture
def driven(clock: Clock, tmp_path: Path, migrated_database: Path, monkeypatch) -> Iterator[Workspace]:
    """A workspace whose runs are driven by a server's monitor, all of whose clocks move."""
    variables = clock.variables | {"AML_SERVER_MONITOR": "1"}
    with running_aml_server(tmp_path / "server", database=migrated_database, **variables) as started:
        for name in list(os.environ):
            if name.startswith(("AML_", "MLFLOW_")):
                monkeypatch.delenv(name)
        monkeypatch.setenv("AML_HOME", str(started.directory / "home"))
        monkeypatch.setenv("AML_AUTO_MONITOR", "0")
        workspace = Workspace.get(store=started.store_uri)
        yield workspace
        workspace.close()


def test_a_run_is_driven_to_its_end_through_jumps_both_ways(driven: Workspace, clock: Clock, tmp_path: Path) -> None:
    source, places = tmp_path / "source", tmp_path / "places"
    source.mkdir()
    places.mkdir()
    (source / "wait.py").write_text(SCRIPT)
    config = ScriptRunConfig(source, script="wait.py", arguments=[str(places)], compute_target="local")
    run = driven.experiment("clocks").submit(config)
    driven.driver.release()
    store = driven.context.store
    wait_until((places / "starts").exists)
    for offset in (48 * HOUR, -48 * HOUR):
        clock.set(offset)
        # The monitor has worked under this clock once it has renewed its lease.
        lease = store.runs.get("default", run.id).lease_until
        wait_until(lambda lease=lease: store.runs.get("default", run.id).lease_until != lease)
    (places / "go").touch()
    wait_until(lambda: store.runs.get("default", run.id).state == "Completed")
    assert (places / "starts").read_text() == "started\n"
    assert store.runs.get("default", run.id).attempt == 1
