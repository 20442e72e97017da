"""Plots as images, and an image from a file."""

import os

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
from azureml.core import Run

run = Run.get_context()
for name in ("Loss v.s. Epoch", "Accuracy"):
    plt.figure(figsize=(3, 2))
    plt.title(name)
    plt.plot([3, 2, 1])
    run.log_image(name, plot=plt)
plt.savefig("figure.png")
run.log_image("from file", path="figure.png")
os.remove("figure.png")
