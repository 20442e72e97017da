"""What a run's log must not show: the values that its configuration, or its target's, refers to."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from aml_plugins.errors import AmlError, InvalidInputError
from aml_plugins.runs.configuration import RunConfiguration
from aml_plugins.secrets import is_reference
from aml_plugins.secrets.masking import Mask

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import RunRecord

__all__ = ["mask_of", "without_secrets"]

logger = logging.getLogger(__name__)


def mask_of(context: Context, run: RunRecord) -> Mask:
    """Return what hides the run's secrets. One that this process cannot look up, it cannot hide.

    :raises TransientBackendError: where a secret store cannot be reached now.
    """
    known = (*_variables(run).values(), *_of_target(context, run))
    references = {value for value in known if is_reference(value)}
    values = [value for reference in sorted(references) if (value := _value(context, run, reference))]
    return Mask({*values, *(quote(value, safe="") for value in values)})  # as addresses have them, too


def without_secrets(context: Context, run: RunRecord, said: str) -> str:
    """Hide the run's secrets in what somebody's plugin or service said. Where they cannot be looked up, it stays."""
    try:
        return mask_of(context, run).text(said)
    except Exception:  # noqa: BLE001  the store of secrets may be what failed; the run must be told of all the same
        return said


def _variables(run: RunRecord) -> dict[str, str]:
    stored = run.config.get("environment_variables")
    if not stored:
        return {}
    return dict(RunConfiguration.from_json(run.config).environment_variables)


def _of_target(context: Context, run: RunRecord) -> list[str]:
    """Return what the target's settings say that scripts get to see; none where the target is gone, or its plugin."""
    try:
        backend = context.backends.get(run.workspace, run.target)
    except AmlError:
        return []
    return [str(getattr(backend.target.config, name)) for name in backend.script_secrets]


def _value(context: Context, run: RunRecord, reference: str) -> str | None:
    try:
        return context.secrets(run.workspace)(reference)
    except InvalidInputError as error:
        logger.info("A secret of run %s cannot be hidden in its log here: %s", run.run_id, error)
        return None
