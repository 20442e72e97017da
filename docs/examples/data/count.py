"""Count the lines of some files into one file, in the folders that the run configuration names."""

import argparse
import os
import pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--flowers", type=pathlib.Path, default=pathlib.Path())
flowers = parser.parse_args().flowers
counts = pathlib.Path(os.environ.get("AZUREML_DATAREFERENCE_counts", "."))
for file in sorted(flowers.glob("*.csv")):
    lines = len(file.read_text().splitlines()) - 1
    (counts / f"{file.stem}.txt").write_text(f"{lines}\n")
    print(f"{file.name}: {lines} flowers")
