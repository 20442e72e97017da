"""Every operator, sensor and trigger of the provider's description survives Airflow's database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(900)]

CHECKS = Path(__file__).with_name("checks_in_airflow.py")
LARGEST_TRIGGER = 500
"""Bytes: a thousand deferred tasks are a thousand rows."""


@pytest.fixture(scope="module")
def checked(airflow) -> dict[str, Any]:
    command = [sys.executable, "-P", str(CHECKS)]
    done = subprocess.run(command, env=airflow.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_all_of_them_are_named(checked):
    assert set(checked["operators"]) == {
        "AmlCancelRunOperator",
        "AmlCreateComputeOperator",
        "AmlCreateImageOperator",
        "AmlDeleteComputeOperator",
        "AmlDeleteServiceOperator",
        "AmlDeployServiceOperator",
        "AmlDownloadOperator",
        "AmlModelSensor",
        "AmlRegisterModelOperator",
        "AmlRunOperator",
        "AmlRunSensor",
        "AmlScoreOperator",
        "AmlTaskSensor",
        "AmlUpdateServiceOperator",
        "AmlUploadOperator",
    }
    assert set(checked["triggers"]) == {
        "AmlModelTrigger",
        "AmlModelVersionTrigger",
        "AmlRunTrigger",
        "AmlTaskTrigger",
    }


def test_operators_come_back_as_they_were(checked):
    for name, found in checked["operators"].items():
        assert found["same"], name
        assert found["attributes"] == [], name
        assert found["address"] == [], name
    assert checked["operators"]["AmlRunOperator"]["links"] == ["MLflow run", "AML console"]


def test_triggers_come_back_as_they_were_and_are_small(checked):
    for name, found in checked["triggers"].items():
        assert found["forgotten"] == [], name
        assert found["same"], name
        assert found["bytes"] < LARGEST_TRIGGER, name
