"""What starts a job whose files are behind URLs: commands for ``runs/runner/courier.py``, and what it is told to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aml_plugins.json_types import JsonValue

if TYPE_CHECKING:
    from aml_plugins.compute.staging import Staging

__all__ = ["courier_command", "courier_loader", "courier_orders", "environment_inside"]

_COURIER = (
    "import os, sys; sys.path.insert(0, os.path.abspath(sys.argv[1])); "
    "from aml_runner.courier import main; os._exit(main(sys.argv[2:]))"
)

# As the first process of a container it hears only the signals that it handles.
_LOADER = """
import os, signal
signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
import json, sys, time, urllib.request
directory = os.path.abspath(sys.argv[1])
os.makedirs(directory, exist_ok=True)
runner = os.path.join(directory, "runner.pyz")
for pause in (1, 2, 4, 8, 16, None):
    try:
        urllib.request.urlretrieve(json.loads(os.environ["AML_COURIER"])["fetch"]["runner.pyz"], runner)
        break
    except OSError as error:
        if pause is None:
            sys.exit("The runner cannot be fetched: %s" % getattr(error, "reason", type(error).__name__))
        time.sleep(pause)
sys.path.insert(0, runner)
from aml_runner.courier import main
os._exit(main([directory]))
"""


def courier_command(python: str, runner: str, directory: str) -> list[str]:
    """Return the command that runs a job whose ``runner.pyz`` is there already."""
    return [python, "-I", "-S", "-X", "utf8", "-c", _COURIER, runner, directory]


def courier_loader(python: str, directory: str) -> list[str]:
    """Return the command that runs a job of which nothing is there yet: it fetches the runner first.

    What to fetch stands in ``AML_COURIER``; no URL stands in the command.
    """
    return [python, "-I", "-S", "-X", "utf8", "-c", _LOADER, directory]


def environment_inside(environment: Mapping[str, JsonValue]) -> JsonValue:
    """Return the environment that the runner prepares: of a container, the one inside."""
    if environment.get("kind") != "docker":
        return dict(environment)
    return environment.get("python") or {"kind": "existing"}


def courier_orders(files: Mapping[str, str], staging: Staging) -> dict[str, JsonValue]:
    """Return what the courier is to fetch, to deliver when the job ends, and to send while it runs.

    :param files: signed URLs by name; see :meth:`~aml_plugins.compute.staging.Staging.bring`.
    """
    return {"fetch": dict(files), "deliver": dict(staging.delivery_urls()), "live": staging.live_url(), "echo": True}
