"""The overview's filters as they come in the query string."""

from __future__ import annotations

from pydantic import BaseModel, Field

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.states import RunState
from aml_plugins.server.console.queries import RunFilter

__all__ = ["ACTIVE", "Filters", "FurtherFilters"]

ACTIVE = "active"
"""In place of a state: all that have not ended."""
_LONGEST = 500


class Filters(BaseModel):
    """Which runs to show; an empty value is none."""

    experiment: str = Field("", max_length=_LONGEST, description="Runs of this experiment.")
    target: str = Field("", max_length=_LONGEST, description="Runs on this compute target.")
    state: str = Field("", max_length=_LONGEST, description="Runs in this state, or `active` ones.")
    text: str = Field(
        "",
        max_length=_LONGEST,
        description="Part of a name, script, experiment or user, or the beginning of an id.",
    )

    def wanted(self) -> RunFilter:
        """Return the filter.

        :raises InvalidInputError: for a state that there is not.
        """
        known = [word.value for word in RunState]
        if self.state and self.state not in [*known, ACTIVE]:
            raise InvalidInputError("There is no such run state.", f"The states are: {ACTIVE}, {', '.join(known)}.")
        return RunFilter(
            experiment=self.experiment or None,
            target=self.target or None,
            states=(self.state,) if self.state and self.state != ACTIVE else (),
            active=self.state == ACTIVE,
            text=self.text.strip() or None,
        )


class FurtherFilters(Filters):
    """The same, and where to go on."""

    page_token: str | None = Field(None, max_length=1000, description="`next_page_token` of the page before.")
