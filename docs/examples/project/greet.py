"""Greet somebody, and log how long the greeting was."""

import argparse

import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--name", required=True)
parser.add_argument("--repeats", type=int, required=True)
arguments = parser.parse_args()

for step in range(arguments.repeats):
    greeting = f"Hello, {arguments.name}" + "!" * (step + 1)
    print(greeting, flush=True)
    mlflow.log_metric("length", len(greeting), step=step)
