"""Parent, children, experiment, metrics of the whole family."""

from __future__ import annotations

import os
import uuid
from typing import Any, Iterator

from .base import RunBase
from .errors import UserErrorException
from .facts import Facts
from .surroundings import child_run_id
from .values import labels
from .workspace import Experiment, Workspace

MAX_CHILDREN_A_CALL = 100
BATCH_TAG = "azureml.batch_child_number"


class FamilyCalls(RunBase):
    """Where a run stands among others."""

    @property
    def experiment(self) -> Experiment:
        """Return the experiment: its name, and its workspace's."""
        return Experiment(Workspace(workspace_name=self._session.here.workspace), self._session.here.experiment)

    @property
    def number(self) -> int:
        """Return the run's place among the runs of this script, the submitted run being 1."""
        return list(self._session.reading.all()).index(self._run_id) + 1

    @property
    def parent(self) -> Any:
        """Return the parent run, or None."""
        facts = self._facts()
        above = facts.parent or (
            self._session.here.parent_run_id if self._run_id == self._session.here.run_id else None
        )
        return self._sibling(above) if above else None

    def child_run(self, name: str | None = None, run_id: str | None = None, outputs: Any = None) -> Any:
        """Create a child run and start it.

        :param run_id: the script's own word for the child; asking for one twice gives the same run.
        :param outputs: a directory whose files are uploaded when the child completes.
        """
        folders = [outputs] if isinstance(outputs, (str, os.PathLike)) else list(outputs or [])
        for folder in folders:
            os.makedirs(folder, exist_ok=True)
        child = self._new_child(name, run_id, [os.fspath(folder) for folder in folders])
        child.start()
        return child

    def create_children(
        self, count: int | None = None, tag_key: str | None = None, tag_values: list[Any] | None = None
    ) -> list[Any]:
        """Create children, ``count`` of them or one for each of ``tag_values``."""
        key, values = _batch(count, tag_key, tag_values)
        children = [self._new_child(None, None, []) for _ in values]
        for child, value in zip(children, values):
            child.start()
            child.set_tags(labels({key: value}))
        return children

    def get_children(
        self,
        recursive: bool = False,
        tags: Any = None,
        properties: Any = None,
        type: str | None = None,
        status: str | None = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Any]:
        """Return the children that fit, in the order of their creation."""
        runs = self._session.reading.all()
        found = self._below(runs, recursive=recursive)
        return iter(
            [
                self._sibling(run.run_id)
                for run in found
                if _fits(run.tags, tags) and _fits(run.properties, properties) and status in (None, run.status)
            ]
        )

    def get_metrics(
        self,
        name: str | None = None,
        recursive: bool = False,
        run_type: str | None = None,
        populate: bool = False,
    ) -> dict[str, Any]:
        """Return what was logged so far; with ``recursive``, by run id for this run and all below it."""
        if not recursive:
            return self._facts().metrics(name)
        runs = self._session.reading.all()
        family = [*self._below(runs, recursive=True), self._facts()]
        return {run.run_id: run.metrics(name) for run in family}

    def _new_child(self, name: str | None, run_id: str | None, outputs: list[str]) -> Any:
        key = str(run_id) if run_id else uuid.uuid4().hex
        child = child_run_id(self._run_id, key)
        self._record("child", child=child, key=key, name=None if name is None else str(name))
        return self._sibling(child, outputs)

    def _below(self, runs: dict[str, Facts], *, recursive: bool) -> list[Facts]:
        found = []
        waiting = list(runs[self._run_id].children) if self._run_id in runs else []
        while waiting:
            run = runs[waiting.pop(0)]
            found.append(run)
            waiting.extend(run.children if recursive else [])
        return found

    def _sibling(self, run_id: str, outputs: list[str] | None = None) -> Any:
        raise NotImplementedError


def _batch(count: int | None, key: str | None, values: list[Any] | None) -> Any:
    if key is None and values is None:
        if count is None:
            raise UserErrorException("Either count or tag_key and tag_values must be set")
        key, values = BATCH_TAG, list(range(count))
    elif key is None or values is None:
        missing, given = ("tag_key", "tag_values") if key is None else ("tag_values", "tag_key")
        raise UserErrorException(f"{missing} must not be null when {given} is set")
    elif count is not None:
        raise UserErrorException("count can not be set when tag_key and tag_values are set")
    if len(values) > MAX_CHILDREN_A_CALL:
        raise UserErrorException("create_children can not create more than 100 runs")
    return key, list(values)


def _fits(labels_of_run: dict[str, str | None], wanted: Any) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return wanted in labels_of_run
    return all(name in labels_of_run and labels_of_run[name] == str(value) for name, value in wanted.items())
