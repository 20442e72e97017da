"""What a submission asks a server for before it writes anything."""

from __future__ import annotations

from aml_plugins.mlflow_rest.api import experiment_question
from aml_plugins.store.rest.ahead import Question
from aml_plugins.store.rest.asking import page_question
from aml_plugins.store.rest.connection import path_of
from aml_plugins.store.rest.store import connect

__all__ = ["ask_ahead"]


def ask_ahead(uri: str, workspace: str, experiment: str) -> None:
    """Ask now whether the workspace is open, which targets it has, and for the experiment.

    Nothing depends on it: an answer that does not come is asked for again by who needs it.
    """
    connect(uri).ask_ahead(
        Question(path_of("workspaces", workspace)),
        page_question(path_of("workspaces", workspace, "compute-targets")),
        experiment_question(workspace, experiment),
    )
