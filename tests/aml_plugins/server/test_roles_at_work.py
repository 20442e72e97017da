"""What users of a server with authentication can do with our own client, and what not."""

from __future__ import annotations

import time
import uuid
from functools import partial

import pytest
from services.aml_users import ADMIN, password_of
from services.run_records import new_run

from aml_plugins.errors import NotFoundError, PermissionDeniedError
from aml_plugins.store.leases import new_owner
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import ComputeTargetRecord, RunChange

run_of_team_a = partial(new_run, workspace="team-a", user="somebody-else")


@pytest.fixture
def store_of(auth_server):
    def open_as(user):
        return open_store(auth_server.url.replace("http://", f"http://{user}:{password_of(user)}@"))

    return open_as


def test_a_contributor_submits_under_his_own_name_and_drives(store_of):
    store, owner = store_of("contributor-of-team-a"), new_owner()
    run = store.runs.add(run_of_team_a(lease_owner=owner, lease_until=time.time() + 60))
    assert run.user == "contributor-of-team-a"
    assert store.runs.acquire([run.run_id], owner, 60) == [run.run_id]
    assert store.runs.save(run, owner=owner, message="on").version == 1


def test_a_reader_reads_and_takes_no_lease(store_of):
    run = store_of("contributor-of-team-a").runs.add(run_of_team_a(lease_owner=None))
    reader = store_of("reader-of-team-a")
    assert reader.runs.find(run.run_id) == run
    assert reader.runs.get_many([run.run_id]) == {run.run_id: run}
    assert reader.runs.acquire([run.run_id], new_owner(), 60) == []
    assert reader.runs.due(new_owner()) == []
    with pytest.raises(PermissionDeniedError, match="contributor"):
        reader.runs.request_cancel("team-a", run.run_id)
    reader.runs.mark_released([run.run_id], released=True)
    assert reader.runs.find(run.run_id).released_at is None


def test_others_runs_are_not_there_by_any_way(store_of):
    owner = new_owner()
    run = store_of("contributor-of-team-a").runs.add(run_of_team_a(lease_owner=owner, lease_until=time.time() - 1))
    for user in ("owner-of-team-b", "nobody"):
        other = store_of(user)
        assert other.runs.find(run.run_id) is None
        assert other.runs.get_many([run.run_id]) == {}
        assert other.runs.acquire([run.run_id], new_owner(), 60) == []
        assert other.runs.due(new_owner()) == []
        assert other.runs.cancellations([run.run_id]) == {}
        assert other.tasks.undelivered([run.run_id]) == []
        other.runs.release([run.run_id], new_owner())
        other.compute_targets.release_slot(run.run_id)
        assert other.runs.save_all([RunChange(run=run, message="mine now")], owner=owner) == {}
        with pytest.raises(NotFoundError):
            other.runs.due(new_owner(), workspace="team-a")
        with pytest.raises(NotFoundError):
            other.tasks.get("team-a", run.run_id)
    assert store_of("contributor-of-team-a").runs.find(run.run_id) == run


def test_others_events_stay_undelivered(store_of):
    store = store_of("contributor-of-team-a")
    run = store.runs.add(run_of_team_a(lease_owner=None), message="Submitted.")
    (event,) = store.tasks.undelivered([run.run_id])
    store_of("contributor-of-team-b").tasks.mark_delivered([event.sequence])
    assert store.tasks.undelivered([run.run_id]) == [event]
    store.tasks.mark_delivered([event.sequence])
    assert store.tasks.undelivered([run.run_id]) == []


def test_an_owner_attaches_compute_and_a_contributor_does_not(store_of):
    box = ComputeTargetRecord(workspace="team-a", name=f"box-{uuid.uuid4().hex[:6]}", type="local")
    with pytest.raises(PermissionDeniedError, match="owner"):
        store_of("contributor-of-team-a").compute_targets.add(box)
    store_of("owner-of-team-a").compute_targets.add(box)
    assert store_of("reader-of-team-a").compute_targets.get("team-a", box.name).type == "local"


def test_workspaces_are_the_administrators(store_of, auth_server):
    from aml_plugins.mlflow_rest.workspaces import create_workspace, delete_workspace, list_workspaces

    owner, admin = (store_of(user).uri for user in ("owner-of-team-a", ADMIN))
    with pytest.raises(PermissionDeniedError, match="administrator"):
        create_workspace(owner, "team-c")
    create_workspace(admin, "team-c")
    assert "team-c" in list_workspaces(admin)
    assert list_workspaces(owner) == ["team-a"]
    delete_workspace(admin, "team-c")


def test_a_directory_of_the_server_is_not_an_owners_to_give(store_of, auth_server, tmp_path):
    from aml_plugins.mlflow_rest.files import fetch
    from aml_plugins.store.records import DatastoreRecord
    from aml_plugins.store.rest.store import connect

    name, owner = f"etc-{uuid.uuid4().hex[:6]}", store_of("owner-of-team-a")
    owner.datastores.add(DatastoreRecord(workspace="team-a", name=name, type="directory", config={"path": "/etc"}))
    path = f"/api/2.0/aml/workspaces/team-a/datastores/{name}/files/passwd"
    with pytest.raises(PermissionDeniedError, match="AML_SERVER_DIRECTORIES"):
        fetch(connect(owner.uri), path, tmp_path / "passwd")
    assert not (tmp_path / "passwd").exists()
