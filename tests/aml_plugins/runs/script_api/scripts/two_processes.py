# needs a run: the order of two processes' prints is chance
"""Distributed training: each rank logs to the one run, rank 0 to a child too."""

import multiprocessing

from azureml.core import Run


def train(rank):
    run = Run.get_context()
    for step in range(50):
        run.log("loss_{}".format(rank), 1.0 / (step + 1))
        run.log("shared", rank)
    if rank == 0:
        with run.child_run("evaluation") as child:
            child.log("score", 0.5)


if __name__ == "__main__":
    ranks = [multiprocessing.Process(target=train, args=(rank,)) for rank in range(2)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    run = Run.get_context()
    assert len(run.get_metrics("shared")["shared"]) == 100
    run.log("done", 1)
