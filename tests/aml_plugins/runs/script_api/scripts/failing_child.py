"""A sweep in which one child fails, and the script goes on."""

from azureml.core import Run

run = Run.get_context()
for depth in (1, 0, 2):
    try:
        with run.child_run("depth_{}".format(depth)) as child:
            child.log("depth", depth)
            child.log("score", 1 / depth)
    except ZeroDivisionError as error:
        print("depth", depth, "failed:", error)
explicit = run.child_run(name="explicit")
explicit.log("x", 1)
explicit.fail(error_details="did not converge", error_code="NoConvergence")
stopped = run.child_run(name="stopped")
stopped.cancel()
