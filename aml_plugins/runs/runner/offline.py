"""Where MLflow has no way to a tracking store, what it writes beside the script has to end up among the outputs."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["keep_artifacts"]

TRACKING = "MLFLOW_TRACKING_URI"
DATABASE = "sqlite:///outputs/mlflow.db"
ARTIFACTS = "mlruns"


def keep_artifacts(work: str, variables: Mapping[str, str]) -> None:
    """Lead MLflow's own directory for artifacts, which no variable names, into ``outputs``."""
    if variables.get(TRACKING) != DATABASE:
        return
    os.makedirs(os.path.join(work, "outputs", ARTIFACTS), exist_ok=True)
    try:
        os.symlink(os.path.join("outputs", ARTIFACTS), os.path.join(work, ARTIFACTS))
    except FileExistsError:  # the snapshot has one
        return
