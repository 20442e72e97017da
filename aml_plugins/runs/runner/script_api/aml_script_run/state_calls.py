"""State of a run: start, complete, fail, cancel, wait, details."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

from .base import RunBase
from .errors import ActivityFailedException, UserErrorException

ENDED = ("Completed", "Failed", "Canceled")
POLL_SECONDS = 0.2


class StateCalls(RunBase):
    """A child run is what its script says it is; the submitted run ends with its script."""

    _outputs: list[str]

    @property
    def status(self) -> str:
        """Return the run's state."""
        return self._facts().status

    def get_status(self) -> str:
        """Return the run's state."""
        return self._facts().status

    def start(self) -> None:
        """Mark the run as running."""
        self._record("status", status="Running")

    def complete(self, _set_status: bool = True) -> None:
        """Mark the run as completed; what is in its ``outputs`` is uploaded."""
        self._upload_outputs()
        if _set_status:
            self._record("status", status="Completed")

    def fail(self, error_details: Any = None, error_code: str | None = None, _set_status: bool = True) -> None:
        """Keep an error, a text or an exception, and mark the run as failed."""
        error = error_dictionary(error_details, error_code)
        self._upload_outputs()
        self._record("error", error=error)
        if _set_status:
            self._record("status", status="Failed")

    def cancel(self) -> None:
        """Mark the run as canceled."""
        self._record("status", status="Canceled")

    def flush(self, timeout_seconds: int = 300) -> None:
        """Return at once: what is logged is written when the call that logs returns."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, exit_type: type[BaseException] | None, value: Any, traceback: Any) -> bool | None:
        if value is None:
            self.complete()
            return None
        if isinstance(value, SystemExit) and value.code in (None, 0):
            self.complete()
            return True
        self.fail(error_details=value)
        return None

    def get_details(self) -> dict[str, Any]:
        """Return what is known of the run."""
        facts = self._facts()
        details: dict[str, Any] = {
            "runId": self._run_id,
            "target": self._session.here.target,
            "status": facts.status,
            "startTimeUtc": _utc(facts.started),
            "properties": dict(facts.properties),
            "inputDatasets": [],
            "outputDatasets": [],
            "runDefinition": {},
            "logFiles": {},
            "submittedBy": None,
        }
        if facts.ended is not None:
            details["endTimeUtc"] = _utc(facts.ended)
        if facts.error is not None:
            details["error"] = {"error": facts.error}
        return details

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> dict[str, Any]:
        """Wait until the run has ended, whichever process ends it.

        :raises ActivityFailedException: where it failed, unless ``raise_on_error`` is False.
        """
        if self._run_id == self._session.here.run_id:
            raise UserErrorException("A script cannot wait for its own run: it would wait for ever.")
        while self._facts().status not in ENDED:
            time.sleep(POLL_SECONDS)
        details = self.get_details()
        if details["status"] == "Failed" and raise_on_error:
            error = details.get("error", {}).get("error", {})
            raise ActivityFailedException(
                "The run {} failed: {}".format(self._run_id, error.get("message") or "no reason")
            )
        return details

    def _upload_outputs(self) -> None:
        """Overridden where there are files to upload."""


def error_dictionary(details: Any, code: str | None) -> dict[str, Any]:
    """Return an error as Azure ML kept it."""
    error: dict[str, Any] = {"code": "UserError" if code is None else str(code)}
    if isinstance(details, str):
        error["message"] = details
    elif isinstance(details, BaseException):
        kind = type(details).__name__
        error["message"] = f"User program failed with {kind}: {details}"
        error["debug_type"] = kind
        error["debug_message"] = str(details)
        import traceback  # noqa: PLC0415 - only a script that fails pays for it

        error["debug_stack_trace"] = "".join(traceback.format_tb(details.__traceback__))
    elif details is not None:
        raise TypeError("error_details must be instance of string or BaseException.")
    return error


def _utc(time_ms: int | None) -> str | None:
    if time_ms is None:
        return None
    return datetime.fromtimestamp(time_ms / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
