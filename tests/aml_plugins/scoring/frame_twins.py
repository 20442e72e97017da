"""Run by the Python that has inference-schema: converts rows by the library and by ours, and says what came of both.

Reads lines of JSON, ``{"sample": {name: [type, value]}, "options": {…}, "requests": [rows …]}``; answers each with what
the library made, what ours made, and how many requests ours left to the library.
"""

from __future__ import annotations

import json
import sys
import warnings

import pandas as pd
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType

from aml_plugins.scoring.frames import install_frames

plain = PandasParameterType.deserialize_input
left = [0]


def counted(self: PandasParameterType, data: object) -> pd.DataFrame:
    left[0] += 1
    return plain(self, data)


def told(convert: object, kind: PandasParameterType, text: str) -> list[object]:
    """Return all that a script can see of a frame, or how it was refused."""
    try:
        frame = convert(kind, json.loads(text))
    except Exception as error:  # noqa: BLE001  whatever it is, both have to raise it
        return [type(error).__name__, str(error)]
    values = frame.to_numpy()
    columns = [[str(frame.dtypes.iloc[n]), *described(frame.iloc[:, n].to_numpy())] for n in range(frame.shape[1])]
    axes = [repr(frame.index), repr(frame.columns), repr(list(frame.columns))]
    blocks = [[type(array).__name__ for array in frame._mgr.arrays], len(frame._mgr.arrays)]
    return [axes, columns, described(values), blocks, repr(frame.attrs), str(frame.flags)]


def described(values: object) -> list[object]:
    """Return the values to the bit, and of numbers where they lie: sums depend on it."""
    if values.dtype == object:
        return [values.shape, repr(values.tolist())]
    return [str(values.dtype), values.shape, values.strides, str(values.flags), values.tobytes().hex()]


PandasParameterType.deserialize_input = counted
install_frames()
warnings.simplefilter("ignore")
for line in sys.stdin:
    order = json.loads(line)
    sample = {name: pd.Series([value], dtype=kind) for name, (kind, value) in order["sample"].items()}
    kind = PandasParameterType(pd.DataFrame(sample), **order["options"])
    texts = [json.dumps(rows) for rows in order["requests"]]
    theirs = [told(plain, kind, text) for text in texts]
    left[0] = 0
    ours = [told(PandasParameterType.deserialize_input, kind, text) for text in texts]
    print(json.dumps({"theirs": theirs, "ours": ours, "left": left[0]}), flush=True)
