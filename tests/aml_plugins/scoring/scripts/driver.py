import types

driver_module = types.ModuleType("hidden")
driver_module.__file__ = "hidden.py"


def _run(data):
    return ["hidden", data]


driver_module.run = _run
calls = []


def init():
    calls.append("init")


def run(data):
    return ["driver", data]
