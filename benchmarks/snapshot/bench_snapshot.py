"""Snapshots against the floor (a walk with stat), git, zip and tar with zstd, in one run.

Run: python benchmarks/snapshot/bench_snapshot.py [--quick]. Needs git, zip, tar and zstd. Everything is measured with
a warm page cache, best of several, tools with their process start, ours in process (its import apart). Markdown,
then one line of JSON, go to standard output.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
started = time.perf_counter()
from aml_plugins.runs.snapshot import SnapshotLimits, content_digest, take_snapshot  # noqa: E402  # its time is measured

IMPORT_SECONDS = time.perf_counter() - started
LIMITS = SnapshotLimits(max_bytes=10**10, max_files=10**6)
SETTLE_SECONDS = 2.2
REPEAT = 5
TREES = ((5_000, 100_000_000), (50_000, 250_000_000), (50_000, 100_000_000))
QUICK_TREES = ((500, 10_000_000), (5_000, 10_000_000))
GIT = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0", "-c", "core.fsync=none"]


def make_tree(root: Path, files: int, total: int) -> list[Path]:
    """Write a source tree: 20 files a directory, text of a small vocabulary, one file in ten incompressible."""
    dice = random.Random(files)
    words = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz_", k=dice.randint(2, 10))) for _ in range(3000)]
    corpus = " ".join(dice.choices(words, k=400_000)).encode()
    paths = []
    for number in range(files):
        size = max(1, int(dice.lognormvariate(0, 0.8) / 1.38 * total / files))
        directory = root / f"pkg{number // 400:03}" / f"part{number // 20 % 20:02}"
        directory.mkdir(parents=True, exist_ok=True)
        start = dice.randrange(len(corpus))
        text = (corpus[start:] + corpus * (size // len(corpus) + 1))[:size]
        path = directory / f"module_{number:05}.py"
        path.write_bytes(dice.randbytes(size) if number % 10 == 0 else text)
        paths.append(path)
    return paths


def change(paths: list[Path], seed: int) -> None:
    """Change one file in a hundred, keeping its size."""
    for path in random.Random(seed).sample(paths, len(paths) // 100):
        content = path.read_bytes()
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


def floor(root: str) -> int:
    """Walk and stat: what any tool must do that trusts no clock but the files' own."""
    count, stack = 0, [root]
    while stack:
        with os.scandir(stack.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    stack.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
                    count += 1
    return count


def best(action: Callable[[], object], prepare: Callable[[], object] = lambda: None, repeat: int = REPEAT) -> float:
    """Return the shortest of several times, each after its preparation."""
    times = []
    for _ in range(repeat):
        prepare()
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return min(times)


def tool(*command: str, cwd: Path, environment: dict[str, str] | None = None) -> Callable[[], object]:
    return lambda: subprocess.run(command, cwd=cwd, check=True, capture_output=True, env=environment)


def measure(work: Path, files: int, total: int) -> dict[str, float]:
    tree, cache, out = work / "tree", work / "cache", work / "out"
    paths = make_tree(tree, files, total)
    out.mkdir()
    result: dict[str, float] = {"floor": 0.0}
    ours = lambda: take_snapshot(tree, cache=cache, limits=LIMITS)  # noqa: E731
    forget = lambda: shutil.rmtree(cache, ignore_errors=True)  # noqa: E731
    remove = lambda: [path.unlink() for path in out.iterdir()]  # noqa: E731

    time.sleep(SETTLE_SECONDS)
    rounds: dict[str, list[float]] = {"first: zip -r": [], "first: tar + zstd": [], "first: ours": []}
    make_zip = tool("zip", "-q", "-r", str(out / "a.zip"), ".", cwd=tree)
    make_tar = tool("tar", "--zstd", "-cf", str(out / "a.tar.zst"), ".", cwd=tree)
    for _ in range(3):  # in turns, so that a noisy minute hits all alike
        rounds["first: tar + zstd"].append(best(make_tar, remove, 1))
        rounds["first: zip -r"].append(best(make_zip, remove, 1))
        rounds["first: ours"].append(best(ours, forget, 1))
    result |= {name: min(times) for name, times in rounds.items()}
    result["zip bytes, ours / zip -r"] = ours().size / (out / "a.zip").stat().st_size

    git_directory = {**os.environ, "GIT_DIR": str(work / "git"), "GIT_WORK_TREE": str(tree)}
    add = tool(*GIT, "add", "-A", cwd=tree, environment=git_directory)
    tool(*GIT, "init", "-q", cwd=tree, environment=git_directory)()
    result["first: git add"] = best(add, repeat=1)
    time.sleep(SETTLE_SECONDS)
    add()

    rounds = {"floor": [], "unchanged: ours": [], "unchanged: git status": []}
    status = tool(*GIT, "status", "--porcelain", cwd=tree, environment=git_directory)
    for _ in range(REPEAT):
        rounds["floor"].append(best(lambda: floor(str(tree)), repeat=1))
        rounds["unchanged: ours"].append(best(ours, repeat=1))
        rounds["unchanged: git status"].append(best(status, repeat=1))
    result |= {name: min(times) for name, times in rounds.items()}

    rounds = {"1 % changed: ours": [], "1 % changed: git add": []}
    for seed in range(3):
        change(paths, seed)
        rounds["1 % changed: ours"].append(best(ours, repeat=1))
        rounds["1 % changed: git add"].append(best(add, repeat=1))
        time.sleep(SETTLE_SECONDS)
        changed = ours()
    result |= {name: min(times) for name, times in rounds.items()}
    if content_digest(changed.path) != changed.digest:
        sys.exit("The incremental snapshot is wrong.")
    forget()
    if ours().path.read_bytes() != changed.path.read_bytes():
        sys.exit("The incremental snapshot differs from a fresh one.")
    return result


def small(work: Path) -> float:
    """A directory with one script, unchanged: what each submission of a small project pays."""
    tree = work / "small"
    tree.mkdir()
    (tree / "train.py").write_text("print('hello')\n")
    time.sleep(SETTLE_SECONDS)
    return best(lambda: take_snapshot(tree, cache=work / "small-cache"), repeat=50)


def report(name: str, result: dict[str, float]) -> str:
    base = result["floor"]
    lines = [f"\n### {name}\n", "| what | seconds | times the floor |", "|---|--:|--:|"]
    lines += [f"| {what} | {value:.3f} | {value / base:.1f} |" for what, value in result.items() if "bytes" not in what]
    lines.append(
        f"\nFirst: {result['first: zip -r'] / result['first: ours']:.1f} times as fast as `zip -r` "
        f"(zip size {result['zip bytes, ours / zip -r']:.2f} of its); unchanged: "
        f"{result['unchanged: ours'] / base:.2f} times the floor."
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of it, to see that it works")
    quick = parser.parse_args().quick
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        for files, total in QUICK_TREES if quick else TREES:
            work = Path(name) / "work"
            work.mkdir()
            results[f"{files:,} files, {total // 10**6} MB"] = measure(work, files, total)
            shutil.rmtree(work)
            heading = f"{files:,} files, {total // 10**6} MB"
            print(report(heading, results[heading]), flush=True)
        one = small(Path(name))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}.", end=" ")
    print(f"Import {IMPORT_SECONDS * 1000:.0f} ms. One script, unchanged: {one * 1000:.2f} ms.")
    print("\n" + json.dumps({"import": IMPORT_SECONDS, "one_script_unchanged": one, **results}))


if __name__ == "__main__":
    main()
