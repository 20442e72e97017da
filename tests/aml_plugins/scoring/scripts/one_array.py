import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema(param_name="data", param_type=NumpyParameterType(np.array([[0, 1, 2]]), enforce_shape=False))
def run(data, request_headers):
    return {"sum": float(data.sum()), "headers": sorted(request_headers.items())}
