"""Greet somebody, and leave a file behind."""

import argparse
import os
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--name", default="world")
parser.add_argument("--seconds", type=float, default=0)
arguments = parser.parse_args()

greeting = os.environ.get("GREETING", "Hello")
print(f"{greeting}, {arguments.name}!", flush=True)
if "API_TOKEN" in os.environ:
    print(f"The token has {len(os.environ['API_TOKEN'])} characters.", flush=True)
time.sleep(arguments.seconds)

Path("outputs").mkdir(exist_ok=True)
Path("outputs/greeting.txt").write_text(f"{greeting}, {arguments.name}!\n", encoding="utf-8")
