"""Settings of a compute target of type ``local``."""

from __future__ import annotations

from aml_plugins.compute.own_machine import OwnMachineConfig

__all__ = ["LocalConfig"]


class LocalConfig(OwnMachineConfig):
    """The target ``local`` is there without being attached: nothing has to be set."""
