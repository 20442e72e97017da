"""Files: one by one, several, a folder; the content of the moment counts."""

import os

from azureml.core import Run

run = Run.get_context()
os.makedirs("model/weights", exist_ok=True)
for name in ("model/graph.txt", "model/weights/0.bin", "model/weights/1.bin"):
    with open(name, "w") as file:
        file.write(name)
run.upload_folder(name="outputs_folder", path="model")
run.upload_file(name="checkpoints/first.txt", path_or_stream="model/graph.txt")
with open("model/graph.txt", "w") as file:
    file.write("changed")
run.upload_file("checkpoints/second.txt", "./model/graph.txt")
run.upload_files(["a.bin", "deep/b.bin"], ["model/weights/0.bin", "model/weights/1.bin"])
