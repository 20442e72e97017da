"""An experiment: a named group of runs, and the place to submit to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aml_plugins.runs.run import Run
    from aml_plugins.script_run_config import ScriptRunConfig
    from aml_plugins.workspace import Workspace

__all__ = ["Experiment"]


class Experiment:
    """A named group of runs in a workspace; created by its first run."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name

    def __repr__(self) -> str:
        return f"Experiment(name={self.name!r}, workspace={self.workspace.name!r})"

    def submit(
        self,
        config: ScriptRunConfig,
        *,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        parent_run_id: str | None = None,
        idempotency_key: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Run:
        """Submit a script directory and return its run at once.

        :param config: what runs, and how.
        :param name: the run's display name in MLflow.
        :param idempotency_key: submitting again under the same key returns the first submission's run.
        :param progress: called with files and bytes done while the snapshot is taken.
        :raises InvalidInputError: for a mistake in ``config``; nothing was submitted.
        """
        from aml_plugins.runs.run import Run  # noqa: PLC0415  they know each other
        from aml_plugins.runs.submission import Submission, submit  # noqa: PLC0415  loads what submitting needs

        wanted = config.configuration
        if tags:
            wanted = wanted.merged(tags=tags)
        submission = Submission(
            workspace=self.workspace.name,
            experiment=self.name,
            directory=config.source_directory,
            configuration=wanted,
            name=name,
            parent_run_id=parent_run_id,
            idempotency_key=idempotency_key,
            progress=progress,
        )
        return Run(self.workspace, submit(self.workspace.context, self.workspace.driver, submission))

    def get_runs(self, limit: int = 100) -> Sequence[Run]:
        """Return the experiment's submitted runs, newest first."""
        from aml_plugins.runs.run import Run  # noqa: PLC0415  they know each other

        records = self.workspace.context.store.runs.list(self.workspace.name, experiment=self.name, limit=limit)
        return [Run(self.workspace, record) for record in records]
