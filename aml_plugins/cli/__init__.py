"""The ``aml`` command line. Every file imports what it needs when it runs (design.md, 4.12)."""

from __future__ import annotations

import gc
import sys
from types import ModuleType

__all__ = ["main"]


def main() -> None:
    """Run ``aml``; the version is answered before anything is imported."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from aml_plugins._version import __version__

        print(f"aml {__version__}")  # noqa: T201  this is the output
        return
    # Hundreds of modules make objects that stay: looking for rubbish among them takes a tenth of a command's time.
    gc.set_threshold(200_000)
    if sys.argv[1:2] != ["server"]:
        _leave_out_plugins_of_pydantic()
    try:
        from aml_plugins.cli.app import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while the imports above went on: nothing had begun
        sys.stderr.write("\nInterrupted.\n")
        code = 130
    sys.exit(code)


def _leave_out_plugins_of_pydantic() -> None:
    """Spare a command the search for them in all distributions: they are for applications' logs.

    Its variable PYDANTIC_DISABLE_PLUGINS would reach the processes that a command starts, users' scripts among them.
    """
    loader = ModuleType("pydantic.plugin._loader")

    def really(name: str) -> object:
        """Whatever else a pydantic of tomorrow wants of it, the module itself has."""
        if name.startswith("__"):
            raise AttributeError(name)
        from importlib import import_module

        del sys.modules[loader.__name__]
        return getattr(import_module(loader.__name__), name)

    vars(loader).update(get_plugins=tuple, __getattr__=really)
    sys.modules.setdefault(loader.__name__, loader)
