"""A standalone master that nobody started is told before a run is."""

from __future__ import annotations

import socket

import pytest

from aml_backends.spark.master import check_master
from aml_plugins.errors import TransientBackendError

NOBODY = "127.0.0.1:9"


def test_one_of_several_masters_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as master:
        check_master(f"spark://{NOBODY},127.0.0.1:{master.getsockname()[1]}")


@pytest.mark.parametrize(
    "master", [f"spark://{NOBODY}", "spark://127.0.0.1:port", "spark://127.0.0.1:99999", "spark://"]
)
def test_none_answers(master: str) -> None:
    with pytest.raises(TransientBackendError, match=f"No Spark master answers at {master}"):
        check_master(master)


@pytest.mark.parametrize("master", ["local[2]", "yarn"])
def test_others_have_no_address(master: str) -> None:
    check_master(master)
