"""Tags and properties."""

from azureml.core import Run

run = Run.get_context()
run.tag("framework", "sklearn")
run.tag("candidate")
run.set_tags({"stage": "dev", "trees": 100})
run.set_tags({"stage": "test"})
run.add_properties({"author": "azureml-user", "dataset": "iris"})
run.log("kernel", "rbf")
run.log("converged", True)
