"""Bring inputs to where the job can read them: a link, a file of the bundle, or a list of signed addresses."""

from __future__ import annotations

import json
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.datastores.abilities import SupportsSignedUrls
from aml_plugins.datastores.opening import open_datastore
from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.data.checking import variable_of
from aml_plugins.runs.reconciliation.step import Step, configuration

if TYPE_CHECKING:
    from aml_plugins.datastores.contract import Datastore
    from aml_plugins.datastores.transfer import Transfer
    from aml_plugins.runs.configuration.sections import DataReference
    from aml_plugins.store.records import RunRecord

__all__ = ["Brought", "bring_data", "keeping", "signatures"]

SMALL = 64 << 20
"""What travels with the bundle even where the target could fetch it: one transfer instead of two."""

LARGEST_BUNDLED = 10 << 30
MOST_SIGNED = 100
"""Files that are signed one by one; more make an environment variable that is too long for a process."""

SIGNATURES = "AML_DATA_SIGNATURES"
LONGEST_RUN = timedelta(days=7)
LEASE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Brought:
    """What a job's data add to it.

    :param entries: for ``job.json``.
    :param files: for the bundle.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)


def bring_data(step: Step, run: RunRecord) -> Brought:
    """Bring a job's inputs; what an interrupted driver brought is not brought again.

    :raises InvalidInputError: for more than any target can take.
    """
    brought = Brought()
    for name, reference in configuration(run).data.items():
        entry: dict[str, Any] = {
            "name": name,
            "variable": variable_of(name, reference),
            "place": reference.path_on_compute,
            "way": "output",
        }
        if reference.mode != "upload":
            entry |= _input(step, run, name, reference, brought.files)
        brought.entries.append(entry)
    return brought


def signatures(step: Step, run: RunRecord, bundle: Mapping[str, Path]) -> dict[str, str]:
    """Return the variable with the signatures for what the job fetches itself: secrets, so they are no file's."""
    limit = configuration(run).time_limit
    expires = timedelta(seconds=limit) + timedelta(days=1) if limit else LONGEST_RUN
    signed: dict[str, dict[str, str]] = {}
    for name, reference in configuration(run).data.items():
        listing = bundle.get(f"input-{name}.json")
        if listing is not None:
            datastore = open_datastore(step.context, run.workspace, reference.datastore)
            signed[name] = _signed(datastore, json.loads(listing.read_text(encoding="utf-8")), expires)
    return {SIGNATURES: json.dumps(signed)} if signed else {}


def _input(step: Step, run: RunRecord, name: str, reference: DataReference, files: dict[str, Path]) -> dict[str, Any]:
    datastore = open_datastore(step.context, run.workspace, reference.datastore)
    path = reference.path.strip("/")
    is_file = bool(path) and datastore.exists(path)
    entry: dict[str, Any] = {"file": path.rpartition("/")[2] if is_file else None}
    is_here = step.backend(run).shares_files
    local = datastore.local_path(path)
    if is_here and reference.mode == "mount" and local is not None:
        return entry | {"way": "link", "target": str(local.parent if is_file else local)}
    found = [(path, datastore.facts(path).size)] if is_file else list(datastore.list(path))
    if is_here:
        return entry | {"way": "link", "target": str(_download(step, run, name, datastore, path))}
    if _is_fetched(datastore, found):
        files[f"input-{name}.json"] = _listing(step, run, name, path, found)
        return entry | {"way": "fetch"}
    files[f"input-{name}.zip"] = _packed(step, run, name, datastore, path)
    return entry | {"way": "bundle"}


def _is_fetched(datastore: Datastore, found: list[tuple[str, int]]) -> bool:
    """Say whether the job fetches its input itself; small ones travel along, where nobody can sign all of them."""
    total = sum(size for _, size in found)
    signs = isinstance(datastore, SupportsSignedUrls) and (len(found) <= MOST_SIGNED or _signs_all(datastore))
    if total > SMALL and signs:
        return True
    if total > LARGEST_BUNDLED:
        raise InvalidInputError(
            f"{total / 1e9:.1f} GB of the datastore '{datastore.name}' are too much to travel with a run.",
            "Keep them in an azure-blob datastore with an account_key, from which the job can fetch them.",
        )
    return False


def _signs_all(datastore: SupportsSignedUrls) -> bool:
    try:
        datastore.signed_url("", "read", timedelta(hours=1))
    except InvalidInputError:
        return False
    return True


def _signed(datastore: Datastore, listing: list[list[Any]], expires: timedelta) -> dict[str, str]:
    """Return address by path; one for the whole container, under the empty path, where there are many."""
    assert isinstance(datastore, SupportsSignedUrls)  # noqa: S101  it was when the listing was made
    if len(listing) > MOST_SIGNED:
        return {"": datastore.signed_url("", "read", expires)}
    return {path: datastore.signed_url(path, "read", expires) for path, _, _ in listing}


def _listing(step: Step, run: RunRecord, name: str, path: str, found: list[tuple[str, int]]) -> Path:
    """Write which files the job fetches: path in the datastore, path below the input, bytes."""
    folder = path.rpartition("/")[0] if found[0][0] == path else path
    cut = len(f"{folder}/") if folder else 0
    file = step.staging(run) / f"input-{name}.json"
    _write(file, json.dumps([[full, full[cut:], size] for full, size in found]).encode())
    return file


def _download(step: Step, run: RunRecord, name: str, datastore: Datastore, path: str) -> Path:
    directory = step.staging(run) / "data" / name
    done = directory.with_name(f".{name}.done")
    if not done.exists():
        directory.mkdir(parents=True, exist_ok=True)
        datastore.download(path, directory, progress=keeping(step, run))
        done.touch()
    return directory


def _packed(step: Step, run: RunRecord, name: str, datastore: Datastore, path: str) -> Path:
    """Pack an input as it is: data are seldom worth compressing."""
    archive = step.staging(run) / f"input-{name}.zip"
    if archive.is_file():
        return archive
    directory = _download(step, run, name, datastore, path)
    part = archive.with_name(f".{archive.name}.{os.getpid()}")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as packed:
        for file in _files(directory):
            packed.write(file, file.relative_to(directory).as_posix())
    part.replace(archive)
    shutil.rmtree(directory.parent)
    return archive


def _files(directory: Path) -> Iterator[Path]:
    return (file for file in sorted(directory.rglob("*")) if file.is_file())


def keeping(step: Step, run: RunRecord) -> Callable[[Transfer], None]:
    """Return a progress callback that keeps the run's lease: much data take longer than a lease lasts."""
    last = time.monotonic()

    def progress(_state: Transfer) -> None:
        nonlocal last
        if time.monotonic() > last + LEASE_SECONDS / 3:
            last = time.monotonic()
            step.context.store.runs.acquire([run.run_id], step.owner, LEASE_SECONDS)

    return progress


def _write(file: Path, content: bytes) -> None:
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(file)
