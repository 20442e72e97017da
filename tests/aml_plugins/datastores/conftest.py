"""A directory datastore, and a file to put into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aml_plugins.datastores.directory import DirectoryConfig, DirectoryDatastore


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def datastore(root) -> DirectoryDatastore:
    return DirectoryDatastore("files", DirectoryConfig(path=str(root)))


@pytest.fixture
def source(tmp_path) -> Path:
    file = tmp_path / "source.bin"
    file.write_bytes(b"content")
    return file
