"""A directory datastore, and a file to put into it."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from services.file_shares import running_file_shares

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


@pytest.fixture(scope="session")
def file_shares():
    """An emulator of Azure Files."""
    with running_file_shares() as running:
        yield running


@pytest.fixture
def make_datastore(request, tmp_path, monkeypatch):
    """Return what makes an empty datastore called ``files`` of a type."""

    def directory():
        return DirectoryDatastore("files", DirectoryConfig(path=str(tmp_path / "root")))

    def blob(**settings):
        from aml_backends.azure.storage.blob import BlobConfig, BlobDatastore

        azurite = request.getfixturevalue("azurite")
        monkeypatch.setenv("STORAGE_KEY", azurite.key)
        given = {"account_url": azurite.url, "account_key": "secret://env/STORAGE_KEY"} | settings
        return BlobDatastore("files", BlobConfig(container=azurite.create_container(), **given))

    def share(**settings):
        from aml_backends.azure.storage.share import ShareConfig, ShareDatastore

        shares = request.getfixturevalue("file_shares")
        monkeypatch.setenv("SHARES_KEY", shares.key)
        given = {"account_url": shares.url, "account_key": "secret://env/SHARES_KEY"} | settings
        return ShareDatastore("files", ShareConfig(share=shares.create_share(), **given))

    makers = {"directory": directory, "azure-blob": blob, "azure-blob-prefix": lambda: blob(prefix="team a/ü")}

    def through_fsspec(url, **settings):
        from aml_plugins.datastores.fsspec_files import FsspecConfig, FsspecDatastore

        return FsspecDatastore("files", FsspecConfig(url=url, **settings))

    def abfs(**settings):
        azurite = request.getfixturevalue("azurite")
        monkeypatch.setenv("STORAGE", azurite.connection_string)
        given = {"connection_string": "secret://env/STORAGE"}
        return through_fsspec(f"abfs://{azurite.create_container()}/team a", secret_options=given, **settings)

    makers |= {
        "fsspec-file": lambda: through_fsspec(f"file://{tmp_path}/root"),
        "fsspec-memory": lambda: through_fsspec(f"memory://{tmp_path.name}-{uuid4().hex}"),
        "fsspec-abfs": abfs,
    }
    makers |= {"azure-file-share": share, "azure-file-share-prefix": lambda: share(prefix="team a/ü")}
    return lambda kind, **settings: makers[kind](**settings)
