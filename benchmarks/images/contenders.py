"""Who builds: our two builders, and ``docker build`` of the equivalent file; of MLflow models see ``mlflow_models``."""

from __future__ import annotations

import io
import os
import tarfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from engine_steps import forget_builds, host_base, run_docker
from mlflow_models import MlflowBuildDocker, OursOfModel

__all__ = ["CONTENDERS", "Contender"]

REQUIREMENTS = ["scikit-learn"]
SCRIPT = "import sklearn\ndef init(): pass\ndef run(data): return {number}\n"


class Contender(ABC):
    """One way to an image.

    :param folder: empty; nothing that was built before is known there.
    :param number: of the round: content that no other round has.
    """

    name: ClassVar[str]

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self.number = number
        self.content = number * 1000

    def prepare(self, step: str) -> None:
        """Make the next build what the step says."""
        if step == "changed":
            self.content += 1

    @abstractmethod
    def build(self) -> None: ...


class Ours(Contender):
    """A scoring script with scikit-learn."""

    builder: ClassVar[str]

    def prepare(self, step: str) -> None:
        super().prepare(step)
        if step == "cold":
            os.environ["AML_HOME"] = str(self.folder / "home")
            forget_builds()
            from aml_plugins import Workspace

            self.workspace = Workspace.get()
            (self.folder / "service").mkdir()
        (self.folder / "service" / "score.py").write_text(SCRIPT.format(number=self.content))

    def build(self) -> None:
        from aml_plugins import Image, InferenceConfig

        environment = {"kind": "pip", "requirements": REQUIREMENTS}
        inference = InferenceConfig("score.py", self.folder / "service", environment)
        Image.create(self.workspace, "bench", models=[], inference=inference, builder=self.builder)


class Oci(Ours):
    name = "builder oci"
    builder = "oci"


class Docker(Ours):
    name = "builder docker"
    builder = "docker"


class DockerBuild(Contender):
    """The Dockerfile that the builder ``docker`` makes, given to ``docker build`` as a directory."""

    name = "docker build"

    def prepare(self, step: str) -> None:
        super().prepare(step)
        context = self.folder / "context"
        if step == "cold":
            forget_builds()
            write_context(self.folder, context)
        (context / "application/var/azureml-app/score.py").write_text(SCRIPT.format(number=self.content))

    def build(self) -> None:
        run_docker("build", "-q", "--network=host", "-t", "bench-docker", str(self.folder / "context"))


CONTENDERS = (Oci, Docker, DockerBuild, OursOfModel, MlflowBuildDocker)


def write_context(folder: Path, context: Path) -> None:
    """Lay the files of our own build context out, with the same base in the engine."""
    from aml_plugins.images.contract import BuildSpec
    from aml_plugins.images.dockerfile import build_context
    from aml_plugins.images.layers import write_tar
    from aml_plugins.images.packages import serving_environment

    base = host_base(folder)
    source = folder / "source"
    source.mkdir()
    (source / "score.py").write_text("")
    spec = BuildSpec(
        name="bench", version=1, source=source, entry_script="score.py", models=[],
        environment={"kind": "pip", "requirements": REQUIREMENTS},
    )  # fmt: skip
    made = build_context(spec, serving_environment(spec.environment), base, {"PYTHONPATH": "/opt/aml/packages"})
    packed = io.BytesIO()
    write_tar(packed, made.entries)
    packed.seek(0)
    with tarfile.open(fileobj=packed) as archive:
        archive.extractall(context, filter="data")
