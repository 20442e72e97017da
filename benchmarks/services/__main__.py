"""Updates and changes of scale under constant load: ``python benchmarks/services [WORLD ...] [--rounds N]``.

Worlds are ``local``, ``docker``, ``aks`` and ``aci``. Four callers, of which two keep their connections and two make a
new one each time. A round is an update from two replicas of one version to two of the next, then to one, then to two.
Counted is what was not answered well; ratios are of response times during changes to those in the pauses between.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the servers of the tests

from worlds import WORLDS, World  # noqa: E402

from aml_plugins import Image, InferenceConfig  # noqa: E402
from aml_plugins.testing.service_kit.base import ECHO  # noqa: E402
from aml_plugins.testing.service_kit.load import Load, constant_load  # noqa: E402

PAUSE = 5.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("worlds", nargs="*", default=list(WORLDS))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    logging.disable(logging.WARNING)
    print(f"{'':8}{'changes':>9}{'requests':>10}{'failed':>8}{'p50':>8}{'p99':>8}")
    for name in arguments.worlds:
        with tempfile.TemporaryDirectory(prefix="aml-benchmark-") as directory:
            os.environ |= {"AML_HOME": f"{directory}/home", "AML_AUTO_MONITOR": "0"}
            with WORLDS[name]() as world:
                measure(name, world, Path(directory), arguments.rounds)
                world.workspace.close()


def measure(name: str, world: World, directory: Path, rounds: int) -> None:
    images = [make_image(world, directory, version) for version in (1, 2)]
    service = images[0].deploy("bench", target=world.target, replicas=2, wait=True, **world.settings)
    quiet: list[float] = []
    busy: list[float] = []
    with constant_load(str(service.scoring_uri)) as load:
        for number in range(rounds):
            quiet += taken(load, lambda: time.sleep(PAUSE))
            following = images[(number + 1) % 2]
            busy += taken(load, lambda image=following: service.update(image=image, wait=True))
            busy += taken(load, lambda: service.scale(1, wait=True))
            busy += taken(load, lambda: service.scale(2, wait=True))
    service.delete()
    ratios = [quantile(busy, share) / quantile(quiet, share) for share in (50, 99)]
    print(f"{name:8}{3 * rounds:9}{load.count + len(load.failures):10}{len(load.failures):8}", end="")
    print("".join(f"{ratio:8.2f}" for ratio in ratios), *load.failures[:3], flush=True)


def taken(load: Load, action: object) -> list[float]:
    """Return how long the requests took that were answered during an action."""
    first = len(load.seconds)
    action()  # type: ignore[operator]  # a function
    return load.seconds[first:]


def quantile(seconds: list[float], share: int) -> float:
    return statistics.quantiles(seconds, n=100)[share - 1]


def make_image(world: World, directory: Path, version: int) -> Image:
    source = directory / f"source-{version}"
    source.mkdir()
    (source / "score.py").write_text(ECHO.format(version=version))
    inference = InferenceConfig("score.py", source)
    return Image.create(world.workspace, "bench", models=[], inference=inference, **world.image_options)


if __name__ == "__main__":
    main()
