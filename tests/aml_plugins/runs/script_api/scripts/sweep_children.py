# needs a run: Microsoft's offline run has no create_children
"""A sweep over created children, read back to find the best."""

from azureml.core import Run

run = Run.get_context()
children = run.create_children(tag_key="rate", tag_values=[0.1, 0.01, 0.001])
for child in children:
    rate = float(child.get_tags()["rate"])
    for epoch in range(3):
        child.log("loss", rate * 10 / (epoch + 1), step=epoch)
    child.complete()
best = min(run.get_children(), key=lambda child: child.get_metrics()["loss"][-1])
run.log("best rate", float(best.get_tags()["rate"]))
run.tag("best_child", best.id)
assert {child.get_status() for child in run.get_children()} == {"Completed"}
assert best.parent.id == run.id
assert len(run.get_metrics(recursive=True)) == 4
print(run.experiment.name, run.experiment.workspace.name, run.get_details()["status"])
