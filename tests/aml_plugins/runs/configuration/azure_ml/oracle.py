"""Run by a Python that has azureml-core: writes and reads run configurations with Microsoft's own code.

``oracle.py save ROOT COUNT`` writes COUNT variants; ``oracle.py load`` reads lines ``DIRECTORY NAME`` and answers
each with what azureml-core holds after loading, as one line of JSON.
"""

from __future__ import annotations

import json
import logging
import random
import sys
from pathlib import Path

from azureml._base_sdk_common.common import to_camel_case
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.environment import SparkPackage
from azureml.core.runconfig import (
    Data,
    DataLocation,
    DataPath,
    DataReferenceConfiguration,
    DockerConfiguration,
    OutputData,
    OutputOptions,
    RunConfiguration,
    UploadOptions,
)


def variant(pick: random.Random) -> RunConfiguration:
    config = RunConfiguration(
        script=pick.choice(["train.py", "src/a b.py", None]),
        arguments=pick.choice(
            [[], ["--a", "0.5"], ["--a", 0.5, 1, "yes", "1.10", "2020-01-01"], ['é\n"q"\'', "#", ": "]]
        ),
    )
    config.target = pick.choice(["local", "cpu", "gpu-1"])
    config.framework = pick.choice(["Python", "python", "PySpark", "TensorFlow"])
    config.communicator = pick.choice(["None", "OpenMpi"])
    config.max_run_duration_seconds = pick.choice([None, 60, 86400])
    config.node_count = pick.choice([1, 2, 8])
    config.hdi.yarn_deploy_mode = pick.choice(["cluster", "client"])
    if pick.random() < 0.5:
        config.environment_variables = {"A": "1", "B": "x y", "snake_case": "01"}
    environment(config, pick)
    data(config, pick)
    return config


def environment(config: RunConfiguration, pick: random.Random) -> None:
    section = config.environment
    if pick.random() < 0.5:
        section.environment_variables = {"A": "2", "C": "3.10"}
    section.python.user_managed_dependencies = pick.random() < 0.5
    section.python.interpreter_path = pick.choice(["python", "/opt/py/bin/python3"])
    if pick.random() < 0.5:
        section.python.conda_dependencies = CondaDependencies.create(
            pip_packages=["numpy==1.2"], conda_packages=["scipy"], python_version="3.11"
        )
    section.docker.enabled = pick.random() < 0.4
    kind = pick.random()
    if kind < 0.3:
        section.docker.base_image = "python:3.11"
    elif kind < 0.6:
        section.docker.base_dockerfile = "FROM python:3.11\nRUN echo 1"
    section.docker.shm_size = pick.choice(["2g", "8g"])
    section.docker.arguments = pick.choice([[], ["--cpus", "2"]])
    section.docker.shared_volumes = pick.random() < 0.8
    section.docker.base_image_registry.address = pick.choice([None, "r.example.com"])
    if pick.random() < 0.2:
        config.docker = DockerConfiguration(use_docker=True, arguments=["-e", "A=1"], shm_size="4g")
    if pick.random() < 0.5:
        config.spark.configuration = {"spark.executor.cores": 2, "spark.app.name": "n"}
        section.spark.packages = [SparkPackage("g", "a", "1.0")]
        section.spark.repositories = ["https://repo.example.com"]


def data(config: RunConfiguration, pick: random.Random) -> None:
    store = DataLocation(data_path=DataPath("store", "x/y"))
    if pick.random() < 0.4:
        mode = pick.choice(["mount", "download", "upload"])
        config.data_references = {
            "one": DataReferenceConfiguration("store", mode, "a/b", "/tmp/x", overwrite=True),
            "twoWords": DataReferenceConfiguration("other"),
        }
    if pick.random() < 0.3:
        config.data = {
            "in": Data(data_location=store, mechanism="mount", environment_variable_name="IN", path_on_compute="/d")
        }
    if pick.random() < 0.3:
        options = OutputOptions(path_on_compute="outputs/x", upload_options=UploadOptions(overwrite=True))
        config.output_data = {"out": OutputData(output_location=store, mechanism="upload", additional_options=options)}


def save(root: Path, count: int) -> None:
    pick = random.Random(20)
    for number in range(count):
        directory = root / str(number)
        folder = pick.choice([".azureml", "aml_config"])
        (directory / folder).mkdir(parents=True)
        name = pick.choice(["v", "v.runconfig"])
        variant(pick).save(str(directory), name, separate_environment_yaml=pick.random() < 0.3)


def plain(value: object) -> object:
    """Return what an object of azureml-core holds; its own serialization fails on some of what it loads."""
    fields = getattr(type(value), "_field_to_info_dict", None)
    if fields is not None:
        names = {name: to_camel_case((info.serialized_name or name).lstrip("_")) for name, info in fields.items()}
        return {names[name]: plain(vars(value).get(name)) for name in fields}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def load(directory: str, name: str) -> object:
    try:
        config = RunConfiguration.load(directory, name)
    except Exception as error:  # noqa: BLE001  whatever it raises is its answer
        return {"error": type(error).__name__}
    dependencies = config.environment.python.conda_dependencies
    held = plain(config)
    held["environment"]["python"]["condaDependencies"] = dependencies and dependencies.as_dict()
    return held


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    if sys.argv[1] == "save":
        save(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        for line in sys.stdin:
            print("ANSWER " + json.dumps(load(*json.loads(line)), default=str), flush=True)
