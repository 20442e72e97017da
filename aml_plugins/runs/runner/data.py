"""A job's data: inputs where the script finds them, outputs where they are looked for. Imported by jobs that have some.

``aml_plugins/runs/data/__init__.py`` says how the driver brings them. Nothing that it names leaves the directory.
"""

from __future__ import annotations

import os

from .errors import JobError
from .json_text import loads
from .unpacking import unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["SIGNATURES", "expanded", "prepare"]

SIGNATURES = "AML_DATA_SIGNATURES"
PREFIX = "$AZUREML_DATAREFERENCE_"
TRIES = 5
BLOCK = 1 << 20
SECONDS = 60
PARTIAL = 206


def prepare(entries: list[dict[str, Any]], directory: str, pause: Callable[[], None]) -> dict[str, str]:
    """Bring the inputs, make the outputs' directories; return the path of each by its name.

    :param pause: called between files; may raise to give up.
    :raises JobError: where an input cannot be brought.
    """
    signatures = loads(os.environ.pop(SIGNATURES, "{}"))
    paths = {}
    for entry in entries:
        name = str(entry["name"])
        if entry["way"] == "output":
            home = os.path.join(directory, "uploads", "aml-data", name)
            os.makedirs(home, exist_ok=True)
        else:
            home = os.path.join(directory, "data", name)
            os.makedirs(os.path.dirname(home), exist_ok=True)
            _bring(entry, directory, home, signatures.get(name, {}), pause)
        path = os.path.join(home, str(entry["file"])) if entry.get("file") else home
        if entry.get("place"):
            _put_in_place(os.path.join(directory, "work"), str(entry["place"]), path, name)
        paths[name] = path
    return paths


def expanded(argument: str, paths: dict[str, str]) -> str:
    """Return an argument with ``$AZUREML_DATAREFERENCE_NAME`` replaced; of two names that fit, the longer is meant."""
    if PREFIX not in argument:
        return argument
    for name in sorted(paths, key=len, reverse=True):
        argument = argument.replace(PREFIX + name, paths[name])
    return argument


def _bring(entry: dict[str, Any], directory: str, home: str, signed: dict[str, str], pause: Callable[[], None]) -> None:
    name = str(entry["name"])
    if entry["way"] == "link":
        if not os.path.isdir(str(entry["target"])):
            raise JobError(f"The data '{name}' are not there any more: '{entry['target']}'.")
        os.symlink(str(entry["target"]), home)
        return
    os.mkdir(home)
    if entry["way"] == "bundle":
        unpack(os.path.join(directory, f"input-{name}.zip"), home, pause)
        return
    with open(os.path.join(directory, f"input-{name}.json"), encoding="utf-8") as file:
        listing = loads(file.read())
    for path, below, size in listing:
        pause()
        _fetch(_address(signed, str(path), name), _inside(home, str(below)), int(size), f"{name}: {below}")


def _address(signed: dict[str, str], path: str, name: str) -> str:
    if path in signed:
        return signed[path]
    if "" not in signed:
        raise JobError(f"The data '{name}' came without an address for '{path}'.")
    from urllib.parse import quote  # noqa: PLC0415  for jobs that fetch

    root, _, query = signed[""].partition("?")
    return f"{root}/{quote(path)}?{query}"


def _fetch(address: str, target: str, size: int, shown: str) -> None:
    """Fetch a file; a connection that breaks is taken up where it broke. The address is a secret: no error names it."""
    import http.client  # noqa: PLC0415  for jobs that fetch
    import time  # noqa: PLC0415  as above
    import urllib.error  # noqa: PLC0415  as above
    import urllib.request  # noqa: PLC0415  as above

    if not address.startswith(("https://", "http://")):
        raise JobError(f"The data cannot be fetched ({shown}): their address is none of http.")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    trouble = "it ended early"
    with open(target, "xb") as file:
        for attempt in range(TRIES):
            if attempt:
                time.sleep(min(2 ** (attempt - 1), 8))
            done = file.tell()
            if done >= size:
                break
            request = urllib.request.Request(address, headers={"Range": f"bytes={done}-"})  # noqa: S310  http, as checked
            try:
                with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310  as above
                    if done and answer.status != PARTIAL:
                        file.seek(0)
                        file.truncate()
                    file.writelines(iter(lambda: answer.read(BLOCK), b""))
            except urllib.error.HTTPError as error:
                trouble = f"the datastore answered {error.code}"
                if error.code in (401, 403, 404):
                    break
            except (OSError, http.client.HTTPException) as error:
                trouble = type(error).__name__
        if file.tell() != size:
            raise JobError(f"The data cannot be fetched ({shown}): {trouble}.")


def _inside(root: str, path: str) -> str:
    parts = path.split("/")
    if "\0" in path or any(part in {"", ".", ".."} for part in parts):
        raise JobError(f"The data hold a name that leaves their directory: {path!r}.")
    return os.path.join(root, *parts)


def _put_in_place(work: str, place: str, path: str, name: str) -> None:
    link = _inside(work, os.path.normpath(place))
    parent = os.path.dirname(link)
    os.makedirs(parent, exist_ok=True)
    if not (os.path.realpath(parent) + os.sep).startswith(os.path.realpath(work) + os.sep):
        raise JobError(f"The data '{name}' would be put outside of the script's directory: '{place}'.")
    try:
        os.symlink(path, link)
    except FileExistsError:
        raise JobError(f"The data '{name}' cannot be at '{place}': the source directory has it already.") from None
