"""What contenders ask of the engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

__all__ = ["forget_builds", "host_base", "run_docker"]


def forget_builds() -> None:
    """Leave the engine nothing that the next build could use."""
    for image in run_docker("images", "-aq").split():
        subprocess.run([docker(), "rmi", "-f", image], capture_output=True, check=False)


def run_docker(*arguments: str) -> str:
    done = subprocess.run(
        [docker(), *arguments], capture_output=True, text=True, check=False, env={**os.environ, "DOCKER_BUILDKIT": "0"}
    )
    if done.returncode:
        raise SystemExit(f"docker {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def docker() -> str:
    return shutil.which("docker") or "docker"


def host_base(folder: Path) -> str:
    """Bring the base that our builders begin with into the engine; return its tag."""
    import docker as library

    from aml_plugins.images.base_images import open_base
    from aml_plugins.images.engine_images import load_base
    from aml_plugins.images.layout import Layout

    layout = Layout(folder / "layout")
    with closing(library.from_env(timeout=600)) as client:
        return load_base(client, layout, open_base(layout, None, lambda _: None))
