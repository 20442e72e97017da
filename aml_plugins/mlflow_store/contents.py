# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""Count what MLflow keeps of a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlflow.store.workspace import sqlalchemy_store  # noqa: TID253  a leaf: imported with a store

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["count_contents"]

_WORDS = {
    "registered_models": "models",
    "evaluation_datasets": "evaluation datasets",
    "secrets": "gateway secrets",
    "endpoints": "gateway endpoints",
    "model_definitions": "gateway model definitions",
    "budget_policies": "gateway budgets",
    "guardrails": "gateway guardrails",
    "mcp_servers": "MCP servers",
}
"""What users call the rows of MLflow's tables, where the table's name does not say it."""


def count_contents(session: Session, workspace: str) -> Mapping[str, int]:
    """Count the things that MLflow itself asks for before it deletes a workspace; what there is none of is left out."""
    # MLflow's own list: what it counts, it deletes. A new kind of thing is then counted as soon as MLflow has it.
    found = {
        _WORDS.get(model.__tablename__, model.__tablename__): session.query(model)
        .filter(model.workspace == workspace)
        .count()
        for model in sqlalchemy_store._WORKSPACE_ROOT_MODELS  # noqa: SLF001  see above
    }
    return {word: count for word, count in found.items() if count}
