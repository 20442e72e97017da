"""Residuals and predictions of a regression."""

from azureml.core import Run

run = Run.get_context()
run.log_residuals(
    "residuals",
    {
        "schema_type": "residuals",
        "schema_version": "1.0.0",
        "data": {"bin_edges": [50, 100, 200], "bin_counts": [0.88, 20]},
    },
)
run.log_predictions(
    "predictions",
    {
        "schema_type": "predictions",
        "schema_version": "1.0.0",
        "data": {"bin_averages": [0.25], "bin_errors": [0.013], "bin_counts": [56], "bin_edges": [0.0, 0.5]},
    },
)
run.log("rmse", 0.5, "root mean squared error")
run.log(name="r2", value=0.9, description="coefficient of determination")
