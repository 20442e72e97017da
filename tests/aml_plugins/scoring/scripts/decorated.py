import datetime

import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "t": pd.to_datetime(["2020-01-01", "2021-01-01"])})
rows = pd.DataFrame({"a": [1.5], "b": [2], "c": ["x"], "d": [True]})
nested = StandardPythonParameterType(
    {"list": StandardPythonParameterType([1.0]), "array": NumpyParameterType(np.array([[1, 2]])), "word": "w"}
)


def init():
    pass


@input_schema("array", NumpyParameterType(np.array([[1.0, 2.0]])))
@input_schema("frame", PandasParameterType(frame))
@input_schema("nested", nested)
@input_schema("day", StandardPythonParameterType(datetime.date(2020, 1, 1)))
@input_schema("count", StandardPythonParameterType(3))
@input_schema("rows", PandasParameterType(rows), optional=True)
@output_schema(NumpyParameterType(np.array([1.0])))
def run(array, frame, nested, day, count=7, plain="default", rows=None):
    return {
        "array": [str(type(array)), str(array.dtype), array.tolist()],
        "frame": [str(type(frame)), {c: str(t) for c, t in frame.dtypes.items()}, frame.astype(str).values.tolist()],
        "nested": repr(nested),
        "day": repr(day),
        "count": count,
        "plain": plain,
        "rows": None if rows is None else [{c: str(t) for c, t in rows.dtypes.items()}, rows.values.tolist()],
    }
