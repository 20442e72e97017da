"""Rows and tables of the logging how-to."""

import math

from azureml.core import Run

run = Run.get_context(allow_offline=True)

citrus = ["orange", "lemon", "lime"]
sizes = [10, 7, 3]
for index in range(len(citrus)):
    run.log_row("citrus", fruit=citrus[index], size=sizes[index])

for i in range(5):
    angle = i * math.pi / 4
    run.log_row(name="Cosine Wave", angle=angle, cos=math.cos(angle))
run.log_table("Sine Wave", {"angle": [i * 0.5 for i in range(6)], "sine": [math.sin(i * 0.5) for i in range(6)]})
run.log_table("one row", {"a": 1, "b": "text"})
run.log_list("Fibonacci", [0, 1, 1, 2, 3, 5, 8])
run.flush()
