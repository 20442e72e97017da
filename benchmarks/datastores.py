"""Transfers to and from a blob container (Azurite) against the bare SDK: one file of 200 MB, and 2,000 of 2 kB."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from azure.storage.blob import ContainerClient
from services.azurite import Azurite, find_program, running_azurite

from aml_backends.azure.storage.blob import BlobConfig, BlobDatastore

LARGE = 200 << 20
SMALL, COUNT = 2 << 10, 2000


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def show(what: str, ours: float, bare: float) -> None:
    print(f"{what:34} ours {ours:6.2f} s   SDK {bare:6.2f} s   ratio {ours / bare:5.2f}")


class InterruptedTransferError(Exception):
    """Stands for a process that is killed in the middle."""


def large(store: BlobDatastore, container: ContainerClient, directory: Path) -> None:
    file = directory / "large"
    file.write_bytes(os.urandom(LARGE))
    bare_up = seconds(lambda: container.upload_blob("bare", file.open("rb"), max_concurrency=4, overwrite=True))
    show("200 MB up", seconds(lambda: store.put(file, "ours")), bare_up)

    def bare_get() -> None:
        with (directory / "bare").open("wb") as target:
            container.download_blob("bare", max_concurrency=4).readinto(target)

    show("200 MB down", seconds(lambda: store.get("ours", directory / "ours")), seconds(bare_get))

    sent = 0

    def interrupt(size: int) -> None:
        nonlocal sent
        sent += size
        if sent > LARGE // 2:
            raise InterruptedTransferError

    file.write_bytes(os.urandom(LARGE))
    try:
        store.send(file, "resumed", interrupt)
    except InterruptedTransferError:
        print(f"{'interrupted after':34} {sent / 1e6:6.0f} MB")
    steps: list[int] = []
    print(f"{'the rest, resumed':34} ours {seconds(lambda: store.send(file, 'resumed', steps.append)):6.2f} s", end="")
    print(f"   {(LARGE - steps[0]) / 1e6:.0f} MB sent")
    print(f"{'again, all there':34} ours {seconds(lambda: store.put(file, 'resumed')):6.2f} s")


def small(store: BlobDatastore, container: ContainerClient, directory: Path) -> None:
    folder = directory / "many"
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"{number:05}").write_bytes(os.urandom(SMALL))

    def bare() -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda file: container.upload_blob(f"bare/{file.name}", file.read_bytes()), folder.iterdir()))

    show(f"{COUNT} small files up, 8 at a time", seconds(lambda: store.upload(folder, "many")), seconds(bare))
    print(f"{'again, all there':34} ours {seconds(lambda: store.upload(folder, 'many')):6.2f} s")
    print(f"{'down':34} ours {seconds(lambda: store.download('many', directory / 'back')):6.2f} s")


def main() -> None:
    program = find_program()
    if program is None:
        sys.exit("Azurite is missing. Run: tools/azurite install")
    with running_azurite(program) as azurite, tempfile.TemporaryDirectory() as directory:
        store, container = opened(azurite)
        large(store, container, Path(directory))
        small(store, container, Path(directory))


def opened(azurite: Azurite) -> tuple[BlobDatastore, ContainerClient]:
    os.environ["BENCHMARK_KEY"] = azurite.key
    name = azurite.create_container()
    config = BlobConfig(account_url=azurite.url, container=name, account_key="secret://env/BENCHMARK_KEY")
    return BlobDatastore("blob", config), ContainerClient.from_connection_string(azurite.connection_string, name)


if __name__ == "__main__":
    main()
