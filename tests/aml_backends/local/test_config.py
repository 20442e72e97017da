from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from aml_backends.local.config import LocalConfig


def test_defaults() -> None:
    config = LocalConfig()
    assert config.max_parallel_runs == len(os.sched_getaffinity(0))
    assert config.python == sys.executable
    assert config.directory is None


@pytest.mark.parametrize(
    "wrong", [{"max_parallel_runs": 0}, {"directory": "relative"}, {"python": ""}, {"max_paralel_runs": 2}]
)
def test_what_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LocalConfig.model_validate(wrong)


def test_directory(tmp_path: Path) -> None:
    assert LocalConfig.model_validate({"directory": str(tmp_path)}).directory == tmp_path
