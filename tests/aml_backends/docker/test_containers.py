"""What is special about containers: images, limits, engines and people that take things away."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from services.docker_engine import DockerEngine

from aml_backends.docker.backend import DockerBackend
from aml_plugins.compute import ComputeTarget, JobSpec, JobState
from aml_plugins.compute.runner_directory import RunnerDirectory
from aml_plugins.errors import InvalidInputError, TransientBackendError
from aml_plugins.testing.jobs import is_running, make_job, wait_until, wait_until_ended

EATING = "data = []\nwhile True: data.append(bytearray(8 << 20))"
MakeBackend = Callable[..., DockerBackend]
ENDLESS = "import time; print('begun', flush=True); time.sleep(3600)"


@pytest.fixture
def key() -> str:
    return f"aml-{uuid.uuid4().hex}-1"


@pytest.fixture
def docker(engine: DockerEngine) -> Iterator[Any]:
    import docker

    with contextlib.closing(docker.DockerClient(base_url=engine.address)) as client:
        yield client


def in_docker(spec: JobSpec, **environment: Any) -> JobSpec:
    from dataclasses import replace

    return replace(spec, environment={"kind": "docker", **environment})


def ended(backend: DockerBackend, spec: JobSpec, key: str) -> Any:
    return wait_until_ended(backend, backend.submit(spec, key))


def log_of(backend: DockerBackend, key: str) -> str:
    handle = backend.find(key)
    assert handle is not None
    return backend.logs(handle).data.decode()


def test_the_image_of_the_run_is_taken(
    make_backend: MakeBackend, engine: DockerEngine, key: str, tmp_path: Path
) -> None:
    backend = make_backend(image="no/such:image")
    spec = in_docker(make_job(tmp_path, key, "import sys; print(sys.prefix)"), image=engine.image)
    assert ended(backend, spec, key).state is JobState.SUCCEEDED
    assert log_of(backend, key) == "/opt/python\n"


def test_an_image_is_built_from_a_dockerfile_without_anybody_waiting(
    backend: DockerBackend, engine: DockerEngine, key: str, tmp_path: Path, docker: Any
) -> None:
    marker = uuid.uuid4().hex
    dockerfile = f'FROM {engine.image}\nENV MARKER={marker}\nENTRYPOINT ["/bin/no-such-program"]\n'
    spec = in_docker(make_job(tmp_path, key, "import os; print(os.environ['MARKER'])"), dockerfile=dockerfile)
    handle = backend.submit(spec, key)
    seen = []

    def over() -> bool:
        seen.append(backend.status(handle))
        return seen[-1].state.is_terminal

    wait_until(over)
    assert seen[-1].state is JobState.SUCCEEDED
    told = [status for status in seen if status.environment]
    assert all(status.preparing for status in told)
    assert "Building the image" in (told[0].reason or "")
    log = log_of(backend, key)
    assert log.endswith(f"{marker}\n")
    assert "Step 1/3" in log
    docker.images.remove(backend.plan(spec, key).request["container"]["image"], force=True)


def test_a_dockerfile_that_cannot_be_built_is_the_reason(
    backend: DockerBackend, engine: DockerEngine, key: str, tmp_path: Path
) -> None:
    dockerfile = f"FROM {engine.image}\nRUN echo before; exit 7\n"
    status = ended(backend, in_docker(make_job(tmp_path, key, ENDLESS), dockerfile=dockerfile), key)
    assert status.state is JobState.FAILED
    assert "exit 7" in (status.reason or "")


def test_an_image_that_nobody_has_is_the_reason(backend: DockerBackend, key: str, tmp_path: Path) -> None:
    spec = in_docker(make_job(tmp_path, key, ENDLESS), image="127.0.0.1:1/no/such:image")
    status = ended(backend, spec, key)
    assert status.state is JobState.FAILED
    assert "127.0.0.1:1" in (status.reason or "")
    assert "reaches the registry" in (status.reason or "")


def test_an_image_that_wants_a_login_says_where_to_write_it(
    backend: DockerBackend, registry: str, key: str, tmp_path: Path
) -> None:
    status = ended(backend, in_docker(make_job(tmp_path, key, ENDLESS), image=f"{registry}/team/a:1"), key)
    assert "registry: {username: NAME, password: secret://STORE/NAME}" in (status.reason or "")


def test_cancel_while_an_image_is_prepared(
    backend: DockerBackend, engine: DockerEngine, key: str, tmp_path: Path
) -> None:
    dockerfile = f"FROM {engine.image}\nRUN sleep 3 # {uuid.uuid4().hex}\n"
    handle = backend.submit(in_docker(make_job(tmp_path, key, ENDLESS), dockerfile=dockerfile), key)
    wait_until(lambda: backend.status(handle).preparing)
    backend.cancel(handle)
    assert wait_until_ended(backend, handle).state is JobState.CANCELLED


def test_an_image_without_python_is_the_reason(make_backend: MakeBackend, key: str, tmp_path: Path) -> None:
    backend = make_backend(python="/no/such/python")
    status = ended(backend, make_job(tmp_path, key, ENDLESS), key)
    assert status.state is JobState.FAILED
    assert "/no/such/python" in (status.reason or "")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (EATING, "The container ran out of memory: "),
        (f"import subprocess, sys\nsys.exit(bool(subprocess.call([sys.executable, '-c', {EATING!r}])))",
         "The script ended with exit code 1: its container ran out of memory: "),
    ],
    ids=["script", "child"],
)  # fmt: skip
def test_too_little_memory_is_said_in_words(
    backend: DockerBackend, key: str, tmp_path: Path, script: str, reason: str
) -> None:
    from dataclasses import replace

    spec = replace(make_job(tmp_path, key, script), resources={"memory": "64Mi", "cpu": 0.5})
    status = ended(backend, spec, key)
    assert status.state is JobState.FAILED
    assert (status.reason or "").startswith(reason)
    said = RunnerDirectory(backend._path(key)).status()
    assert (said.reason or "").startswith(reason)  # the engine may learn of it later than the runner


def test_resources_and_arguments_become_the_containers(
    backend: DockerBackend, engine: DockerEngine, key: str, tmp_path: Path
) -> None:
    from dataclasses import replace

    spec = in_docker(
        make_job(tmp_path, key, ENDLESS),
        image=engine.image,
        shm_size="32m",
        arguments=["--network=none", "--ulimit", "nofile=512:1024", "-e", "WHO=me", "--add-host=db:10.0.0.1"],
    )
    spec = replace(spec, resources={"memory": "1Gi", "cpu": 1.5, "gpu": 2})
    container = backend.plan(spec, key).request["container"]
    assert isinstance(container, dict)
    assert container["nano_cpus"] == 1_500_000_000
    assert container["mem_limit"] == container["memswap_limit"] == 2**30
    assert container["device_requests"] == [{"Count": 2, "Capabilities": [["gpu"]]}]
    assert container["network"] == "none"
    assert container["environment"]["WHO"] == "me"
    assert container["extra_hosts"] == {"db": "10.0.0.1"}
    assert container["ulimits"] == [{"Name": "nofile", "Soft": 512, "Hard": 1024}]
    ended_spec = replace(spec, resources={"memory": "256Mi", "cpu": 0.5})
    script = "import os, resource; print(os.environ['WHO'], resource.getrlimit(resource.RLIMIT_NOFILE), flush=True)"
    ended_spec = replace(ended_spec, bundle=make_job(tmp_path, key, script).bundle)
    assert ended(backend, ended_spec, key).state is JobState.SUCCEEDED
    assert log_of(backend, key) == "me (512, 1024)\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--privileged"],
        ["-v", "/:/host"],
        ["--volume=/:/host"],
        ["--mount=type=bind,source=/,target=/host"],
        ["--pid=host"],
        ["--device=/dev/sda"],
        ["--cap-add", "SYS_ADMIN"],
        ["--security-opt=seccomp=unconfined"],
        ["--ulimit", "nonsense"],
        ["--gpus=some"],
        ["--env"],
    ],
)
def test_arguments_that_open_the_machine_are_refused(
    arguments: list[str], backend: DockerBackend, engine: DockerEngine, key: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError):
        backend.plan(in_docker(make_job(tmp_path, key, ENDLESS), image=engine.image, arguments=arguments), key)


def test_secrets_are_not_in_the_containers_description(
    backend: DockerBackend, key: str, tmp_path: Path, docker: Any
) -> None:
    backend.submit(make_job(tmp_path, key, ENDLESS, environment_variables={"TOKEN": "hunter2"}), key)
    wait_until(lambda: is_running(backend, backend.find(key)))
    container = docker.containers.get(key)
    assert "hunter2" not in str(container.attrs)
    assert not list((tmp_path / "home" / "jobs" / key).glob("variables.json"))
    assert container.attrs["Config"]["User"] == f"{os.getuid()}:{os.getgid()}"


def test_a_container_that_somebody_removed_is_a_failure(
    backend: DockerBackend, key: str, tmp_path: Path, docker: Any
) -> None:
    handle = backend.submit(make_job(tmp_path, key, ENDLESS), key)
    wait_until(lambda: is_running(backend, handle))
    docker.containers.get(key).remove(force=True)
    status = wait_until_ended(backend, handle)
    assert (status.state, status.reason) == (JobState.FAILED, "The container was removed while the job was in it.")


def test_a_container_that_its_engine_stops_was_not_cancelled(
    backend: DockerBackend, key: str, tmp_path: Path, docker: Any
) -> None:
    """What an engine does to its containers when it is restarted."""
    handle = backend.submit(make_job(tmp_path, key, ENDLESS), key)
    wait_until(lambda: is_running(backend, handle))
    docker.containers.get(key).stop()
    status = wait_until_ended(backend, handle)
    assert (status.state, status.lost) == (JobState.FAILED, True)
    assert "its machine was shut down" in (status.reason or "")


def test_an_engine_that_is_not_there_is_transient(make_backend: MakeBackend, tmp_path: Path, key: str) -> None:
    backend = make_backend(engine=f"unix://{tmp_path}/no.sock")
    with pytest.raises(TransientBackendError, match="cannot be reached"):
        backend.check()
    with pytest.raises(TransientBackendError):
        backend.submit(make_job(tmp_path, key, ENDLESS), key)
    backend.list_jobs = list  # type: ignore[method-assign]  # nothing was started


SUBMITTER = """
import os, signal, sys
from pathlib import Path
home, bundle, runner, key, call, when, *settings = sys.argv[1:]
from aml_backends.docker.backend import DockerBackend
from aml_backends.docker import starting
from aml_backends.docker.config import DockerConfig
from aml_backends.docker.engine import Engine
from aml_plugins.compute import ComputeTarget, JobSpec

config = DockerConfig(engine=settings[0], image=settings[1], network=settings[2])
target = ComputeTarget(workspace="default", name="boxes", type="docker", config=config, home=Path(home))
files = {"runner.pyz": Path(runner), **{n: Path(bundle) / n for n in ("job.json", "snapshot.zip")}}
place = starting if call == "place_files" else Engine
original = getattr(place, call)

def deadly(*arguments, **options):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(place, call, deadly)
DockerBackend(target).submit(JobSpec(workspace="default", run_id="0" * 32, attempt=1, bundle=files), key)
"""


WINDOWS = [(call, when) for call in ("place_files", "create", "start") for when in ("before", "after")]


@pytest.mark.parametrize("window", WINDOWS, ids=" ".join)
def test_a_submitter_killed_anywhere_starts_one_script(
    window: tuple[str, str], backend: DockerBackend, engine: DockerEngine, key: str, tmp_path: Path
) -> None:
    spec = make_job(tmp_path, key, "print('once', flush=True)")
    arguments = [tmp_path / "home", spec.bundle["job.json"].parent, spec.bundle["runner.pyz"], key, *window]
    command = [sys.executable, "-c", SUBMITTER, *arguments, engine.address, engine.image, engine.network]
    done = subprocess.run(list(map(str, command)), check=False)
    assert done.returncode == -signal.SIGKILL
    handle = backend.submit(spec, key)
    assert wait_until_ended(backend, handle).state is JobState.SUCCEEDED
    assert log_of(backend, key) == "once\n"


def test_home_and_name_are_there_for_a_user_that_the_image_does_not_know(
    backend: DockerBackend, key: str, tmp_path: Path
) -> None:
    script = "import getpass, os; print(getpass.getuser()); open(os.path.expanduser('~/x'), 'w').write('x')"
    assert ended(backend, make_job(tmp_path, key, script), key).state is JobState.SUCCEEDED
    assert log_of(backend, key) == "aml\n"


def test_targets_do_not_see_each_others_jobs(make_backend: MakeBackend, key: str, tmp_path: Path) -> None:
    mine, other = (
        make_backend("mine", directory=str(tmp_path / "a")),
        make_backend("other", directory=str(tmp_path / "b")),
    )
    handle = mine.submit(make_job(tmp_path, key, ENDLESS), key)
    assert [found.job_id for found in mine.list_jobs()] == [handle.job_id]
    assert list(other.list_jobs()) == []
    assert isinstance(mine.target, ComputeTarget)
