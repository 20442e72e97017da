"""Who makes an image of an MLflow model: our builder, and MLflow's own ``mlflow models build-docker``.

MLflow gets a base with Python, pip and the few programs that its Dockerfile runs, which spares it installing them: it
is asked for what is left, MLflow and the model's packages. Its command is its own two steps, the Dockerfile and
``docker build``, because an engine of the tests reaches an index by the host's network only.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

from engine_steps import forget_builds, host_base, run_docker

__all__ = ["MlflowBuildDocker", "OursOfModel"]

BASE = "bench/mlflow-base"
_PROGRAMS = ("bash", "chmod", "rm")


class _OfModel:
    """A scikit-learn model: warm builds the same version again, changed another one."""

    name: ClassVar[str]

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self.content = number * 1000

    def prepare(self, step: str) -> None:
        self.content += step == "changed"
        self.model = self.folder / f"model-{self.content}"
        if not self.model.exists():
            save_model(self.model, self.content)


class OursOfModel(_OfModel):
    name = "MLflow model, builder oci"

    def prepare(self, step: str) -> None:
        super().prepare(step)
        if step == "cold":
            os.environ["AML_HOME"] = str(self.folder / "home")
            forget_builds()
        from aml_plugins import Model, Workspace

        self.workspace = Workspace.get()
        if step != "warm":
            self.registered = Model.register(self.workspace, self.model, "bench")

    def build(self) -> None:
        from aml_plugins import Image

        Image.create(self.workspace, "bench", models=[self.registered])


class MlflowBuildDocker(_OfModel):
    name = "mlflow models build-docker"

    def prepare(self, step: str) -> None:
        super().prepare(step)
        if step == "cold":
            forget_builds()
            make_base(host_base(self.folder))

    def build(self) -> None:
        from mlflow.models.docker_utils import build_image_from_context
        from mlflow.models.flavor_backend_registry import get_flavor_backend

        context = self.folder / "context"
        shutil.rmtree(context, ignore_errors=True)
        backend = get_flavor_backend(str(self.model), docker_build=True, env_manager="local")
        backend.generate_dockerfile(str(self.model), str(context), base_image=BASE)
        with silence():
            build_image_from_context(str(context), "bench-mlflow", network="host")


def save_model(target: Path, number: int) -> None:
    import mlflow
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit([[0.0], [1.0]], [0.0, float(number)])
    mlflow.sklearn.save_model(model, str(target), pip_requirements=["scikit-learn", "mlflow"])


def make_base(base: str) -> None:
    """Give a base with Python the programs that MLflow's Dockerfile runs, and pip."""
    with tempfile.TemporaryDirectory(prefix="aml-benchmark-base-") as name:
        root = Path(name, "root")
        for program in _PROGRAMS:
            found = Path(shutil.which(program) or "").resolve()
            listed = subprocess.run(["ldd", found], capture_output=True, text=True, check=True).stdout
            for path in (found, *map(Path, re.findall(r"(/\S+) \(0x", listed))):
                target = root / str(path).lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target, follow_symlinks=True)
            (root / "bin").mkdir(exist_ok=True)
            link = root / "bin" / program
            link.exists() or link.symlink_to(found)
        Path(name, "Dockerfile").write_text(
            f"FROM {base}\nCOPY root/ /\n"
            "RUN python3 -m ensurepip --default-pip\n"
            + "".join(f"ENV {key}={value}\n" for key, value in os.environ.items() if key.startswith("PIP_"))
        )
        run_docker("build", "-q", "--network=host", "-t", BASE, name)


@contextlib.contextmanager
def silence() -> None:
    """Keep what ``docker build`` prints off the table."""
    with Path(os.devnull).open("w") as nowhere, contextlib.ExitStack() as stack:
        for number in (1, 2):
            kept = os.dup(number)
            os.dup2(nowhere.fileno(), number)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, number)
        yield
