"""A process of its own that writes to a run: URI, run id, what to write, a seed."""

from __future__ import annotations

import random
import sys

from fast_store_pair import FastStore
from mlflow.entities import Metric

KEYS = [f"key-{number}" for number in range(20)]


def write(store: FastStore, run_id: str, what: str, seed: int) -> None:
    chance = random.Random(seed)
    for round_ in range(15):
        keys = chance.sample(KEYS, len(KEYS))
        if what == "same":  # the same points by all, each in an order of its own
            batch = [Metric(key, float(round_), round_, step) for key in keys for step in range(5)]
        else:  # steps of all writers interleave: the newest of a key is any writer's
            batch = [
                Metric(key, float(seed), 1, 100 * round_ + chance.randrange(100)) for key in keys for _ in range(5)
            ]
        store.log_batch(run_id, chance.sample(batch, len(batch)), [], [])
        store.log_metric(run_id, Metric(f"single-{round_}", float(seed), seed, 0))


if __name__ == "__main__":
    uri, artifacts, run_id, what, seed = sys.argv[1:]
    write(FastStore(uri, artifacts), run_id, what, int(seed))
