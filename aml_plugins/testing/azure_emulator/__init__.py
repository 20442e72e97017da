"""A small Azure on loopback, for tests: Batch and container groups that run for real, over Microsoft's own protocol.

``aml emulator start azure`` starts it; :class:`AzureEmulator` is the same as an object. ``docs/explanation`` says what
it promises.
"""

from __future__ import annotations

from aml_plugins.testing.azure_emulator.emulator import AzureEmulator
from aml_plugins.testing.azure_emulator.faults import Fault
from aml_plugins.testing.azure_emulator.settings import Delays, Quotas, Settings

__all__ = ["AzureEmulator", "Delays", "Fault", "Quotas", "Settings"]
