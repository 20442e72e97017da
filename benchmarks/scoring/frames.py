"""One row for ``PandasParameterType``: processor time of inference-schema's conversion and of ours, in turn.

``$(tools/azureml-inference-server find) benchmarks/scoring/frames.py``
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import pandas as pd
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType

from aml_plugins.scoring.frames import install_frames

ROUNDS, TIMES = 7, 60
NUMBERS = {"a": 5.1, "b": 3.5, "c": 1.4, "d": 0.2}
MIXED = {"a": 5.1, "b": 3, "c": "setosa", "d": True}


def milliseconds(call: Callable[[], object]) -> float:
    begun = time.process_time()
    for _ in range(TIMES):
        call()
    return 1000 * (time.process_time() - begun) / TIMES


def main() -> None:
    library = PandasParameterType.deserialize_input
    install_frames()
    ours = PandasParameterType.deserialize_input
    for title, row in (("four numbers", NUMBERS), ("numbers, text, a truth value", MIXED)):
        kind = PandasParameterType(pd.DataFrame([row]))
        found: dict[str, list[float]] = {"inference-schema": [], "AML Plugins": []}
        for _ in range(ROUNDS):
            found["inference-schema"].append(milliseconds(lambda kind=kind, row=row: library(kind, [row])))
            found["AML Plugins"].append(milliseconds(lambda kind=kind, row=row: ours(kind, [row])))
        middle = {name: statistics.median(times) for name, times in found.items()}
        shown = ", ".join(f"{name} {value:.3f} ms" for name, value in middle.items())
        print(f"{title}: {shown}, {middle['inference-schema'] / middle['AML Plugins']:.1f} times")


if __name__ == "__main__":
    main()
