"""Azure ML v1 files, each as a user left it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.runs.configuration import (
    CondaEnvironment,
    ContainerRegistry,
    DataReference,
    DockerEnvironment,
    ExistingEnvironment,
    RunConfiguration,
    Spark,
)

FILES = Path(__file__).parent / "files"


def test_a_training_run_in_a_container() -> None:
    config = RunConfiguration.load(FILES / "gpu", "gpu")
    assert config == RunConfiguration(
        script="src/train.py",
        arguments=["--learning-rate", "0.10", "--epochs", "5"],
        target="gpu-cluster",
        environment=DockerEnvironment(
            image="registry.example.com/vision:1.2",
            arguments=["--ipc", "host"],
            shm_size="8g",
            registry=ContainerRegistry(address="registry.example.com", username="reader"),
            python=CondaEnvironment(file=".azureml/conda_dependencies.yml"),
        ),
        environment_variables={"BATCH": "64", "SHARED": "from-run", "FLAG": "true"},
        data={
            "images": DataReference(
                datastore="blobs", path="images/2020", mode="mount", path_on_compute="/data/images"
            ),
            "labels": DataReference(datastore="blobs", path="labels", overwrite=True, environment_variable="LABELS"),
            "model": DataReference(
                datastore="blobs", path="models", mode="upload", path_on_compute="outputs/model", overwrite=True
            ),
        },
        time_limit=86400,
        node_count=2,
        unknown={
            "communicator": "OpenMpi",
            "nodeCuont": 7,
            "environment": {"docker": {"baseImageRegistry": {"password": "***"}}},
            "mpi": {"processCountPerNode": 4},
            "data": {
                "registered": {
                    "dataLocation": {"dataset": {"id": "0f0e", "name": "old", "version": "1"}},
                    "mechanism": "direct",
                }
            },
            "amlcompute": {"clusterMaxNodeCount": 4},
        },
    )


def test_its_notes_say_what_has_no_effect_and_why() -> None:
    config = RunConfiguration.load(FILES / "gpu", "gpu")
    assert sorted(config.notes) == [
        "'amlcompute.clusterMaxNodeCount' is kept; nothing here uses it.",
        "'communicator' is kept; the script is started once on each node, without a launcher.",
        (
            "'data.registered' is kept, not used: its dataset is registered in Azure ML, not in the file. Give its"
            " files as 'data.registered.dataLocation.dataPath' with datastoreName and relativePath."
        ),
        (
            "'environment.docker.baseImageRegistry.password' was left out: a run configuration holds no secrets."
            " Refer to one as secret://STORE/NAME."
        ),
        "'mpi.processCountPerNode' is kept; the script is started once on each node, without a launcher.",
        "'nodeCuont' is no key of Azure ML; it is kept, not used. Did you mean 'nodeCount'?",
    ]
    assert "hunter2" not in str(config.to_json())


def test_notes_survive_the_store() -> None:
    config = RunConfiguration.load(FILES / "gpu", "gpu")
    assert RunConfiguration.from_json(config.to_json()).notes == config.notes


def test_aml_config_wins_and_keys_in_other_cases_are_read() -> None:
    config = RunConfiguration.load(FILES / "spark", "cluster")
    assert config == RunConfiguration(
        script="count.py",
        arguments=["--input", "wasb:///a b"],
        target="hdi",
        environment=ExistingEnvironment(interpreter="/usr/bin/anaconda/bin/python"),
        spark=Spark(
            conf={"spark.executor.cores": "2", "spark.dynamicAllocation.enabled": "true"},
            packages=["com.microsoft.ml.spark:mmlspark_2.11:0.12"],
            repositories=["https://mmlspark.example.com/maven"],
            deploy_mode="client",
        ),
    )
    with pytest.raises(NotFoundError, match="no run configuration 'only_here'"):
        RunConfiguration.load(FILES / "spark", "only_here")


def test_json_with_tabs_and_without_the_suffix() -> None:
    config = RunConfiguration.load(FILES / "tabs", "run")
    assert config == RunConfiguration(
        script="train.py", node_count=2, environment_variables={"NAME": "\N{GRINNING FACE}"}
    )


def test_an_environment_of_the_workspace_is_reported() -> None:
    config = RunConfiguration.load(FILES / "reference", "curated")
    assert config.environment == ExistingEnvironment()
    said = "The environment 'AzureML-Minimal' is in an Azure ML workspace, not in the file;"
    assert f"{said} the target's own Python is used." in config.notes
    assert "'history.snapshotProject' is kept, not used: a snapshot is always taken." in config.notes


def test_an_environment_in_a_file_of_its_own() -> None:
    config = RunConfiguration.load(FILES / "separate", "sep")
    assert config.environment == CondaEnvironment(
        specification={"channels": ["defaults"], "dependencies": ["python=3.9", {"pip": ["six"]}]}
    )
    assert config.unknown == {}


def test_a_file_of_azure_ml_workbench_with_its_compute_target() -> None:
    config = RunConfiguration.load(FILES / "workbench", "docker")
    assert config == RunConfiguration(
        script="iris_sklearn.py",
        arguments=["--rate", "0.50"],
        target="docker",
        environment_variables={"EXAMPLE_ENV_VAR": "Example Value"},
        environment=DockerEnvironment(
            image="example/plus.python:0.9.9",
            shared_volumes=False,
            python=CondaEnvironment(file="aml_config/conda_dependencies.yml"),
        ),
        spark=Spark(conf={"spark.app.name": "Iris", "spark.executor.memory": "2g"}),
        unknown={"UseSampling": False},
    )
    assert config.notes == ["'UseSampling' is kept; nothing here uses it."]
    assert config.resolve(FILES / "workbench").environment.python.specification["dependencies"][0] == "python=3.5.2"


def test_the_first_releases_kept_a_key_of_workbench(tmp_path: Path) -> None:
    text = """
script: train.py
framework: Python
prepareEnvironment: true
environment:
  environmentVariables: {A: b}
  python: {userManagedDependencies: true, interpreterPath: python, condaDependenciesFile: aml_config/conda.yml}
  docker: {enabled: true, baseImage: "continuumio/miniconda3:4.4.10", gpuSupport: false, shmSize: 1g}
batchai: {nodeCount: 1}
containerInstance: {cpuCores: 1, memoryGb: 4, region: }
amlcompute: {clusterMaxNodeCount: 1}
"""
    config = RunConfiguration.load(write(tmp_path, text), "x")
    assert (config.script, config.environment_variables) == ("train.py", {"A": "b"})
    assert config.environment == DockerEnvironment(image="continuumio/miniconda3:4.4.10", shm_size="1g")
    assert config.notes == []


def test_the_first_files_of_workbench(tmp_path: Path) -> None:
    text = """{"Description": "On this computer", "ArgumentVector": ["$file"], "CondaFile": "aml_config/conda.yml",
    "ManagedEnvironment": true, "TrackedRun": true, "Target": "local", "PrepareEnvironment": true}"""
    config = RunConfiguration.load(write(tmp_path, text), "x")
    assert config == RunConfiguration(target="local", environment=CondaEnvironment(file="aml_config/conda.yml"))


def test_what_the_file_has_for_docker_and_spark_says_why_it_is_not_used(tmp_path: Path) -> None:
    text = "environment: {docker: {shmSize: 1g, gpuSupport: true}, spark: {repositories: [https://example.com/maven]}}"
    assert sorted(RunConfiguration.load(write(tmp_path, text), "x").notes) == [
        "'environment.docker.gpuSupport' is kept, not used: GPUs are asked for with 'resources.gpu'.",
        "'environment.docker.shmSize' is kept, not used: the file does not enable Docker.",
        "'environment.spark.repositories' is kept, not used: the framework is not PySpark.",
    ]


def test_a_data_set_as_an_argument_is_its_path(tmp_path: Path) -> None:
    text = """
arguments: [--data-folder, "DatasetConsumptionConfig:mnist", "DatasetOutputConfig:out", "--x=DatasetConsumptionConfig"]
data: {mnist: {dataLocation: {dataPath: {datastoreName: blobs, relativePath: mnist}}, mechanism: mount}}
"""
    assert RunConfiguration.load(write(tmp_path, text), "x").arguments == (
        "--data-folder",
        "$AZUREML_DATAREFERENCE_mnist",
        "$AZUREML_DATAREFERENCE_out",
        "--x=DatasetConsumptionConfig",
    )


@pytest.mark.parametrize("name", ["gpu/.azureml/gpu.runconfig", "workbench/aml_config/docker.runconfig"])
def test_a_file_is_the_same_by_path(name: str) -> None:
    directory = FILES / name.split("/", maxsplit=1)[0]
    by_path = RunConfiguration.load(directory, str(FILES / name))
    assert by_path == RunConfiguration.load(directory, Path(name).stem)


def write(directory: Path, text: str) -> Path:
    (directory / ".azureml").mkdir()
    (directory / ".azureml" / "x.runconfig").write_text(text)
    return directory


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "'yes'", "yes", "on", "1"])
def test_booleans_in_all_spellings(tmp_path: Path, word: str) -> None:
    write(tmp_path, f"environment: {{docker: {{enabled: {word}, baseImage: i}}}}")
    assert RunConfiguration.load(tmp_path, "x").environment == DockerEnvironment(image="i")


@pytest.mark.parametrize("text", ["", "# nothing\n", "environment:\nspark:\ndata:\nhistory:\n", "{}"])
def test_empty_files_and_sections_are_the_defaults(tmp_path: Path, text: str) -> None:
    assert RunConfiguration.load(write(tmp_path, text), "x") == RunConfiguration()


def test_command_instead_of_a_script(tmp_path: Path) -> None:
    config = RunConfiguration.load(write(tmp_path, "command: python3 train.py --a 'b c'"), "x")
    assert (config.script, config.arguments) == ("train.py", ("--a", "b c"))


@pytest.mark.parametrize(
    ("communicator", "count"), [("OpenMpi", 3), ("IntelMpi", 3), ("Nccl", 5), ("None", 1), ("ParameterServer", 1)]
)
def test_node_count_of_the_launcher_in_use(tmp_path: Path, communicator: str, count: int) -> None:
    text = f"communicator: {communicator}\nmpi: {{nodeCount: 3}}\npytorch: {{nodeCount: 5}}"
    assert RunConfiguration.load(write(tmp_path, text), "x").node_count == count


def test_inline_dockerfile_and_docker_of_later_releases(tmp_path: Path) -> None:
    text = """
docker: {useDocker: true, arguments: [--gpus, all], shmSize: 4g, sharedVolumes: false}
environment: {docker: {baseDockerfile: "FROM a\\nRUN b", shmSize: null}, python: {userManagedDependencies: true}}
"""
    assert RunConfiguration.load(write(tmp_path, text), "x").environment == DockerEnvironment(
        dockerfile="FROM a\nRUN b", arguments=["--gpus", "all"], shm_size="4g", shared_volumes=False
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("script: a\nnodeCount: two", "line 2: 'nodeCount' must be a whole number."),
        ("script: a\nnodeCount: -1", "line 2: 'nodeCount' must be at least 1, not -1."),
        ("nodeCount: 1.5", "line 1: 'nodeCount' must be a whole number."),
        ("nodeCount: .inf", "line 1: 'nodeCount' must be a whole number."),
        (
            "maxRunDurationSeconds: -5",
            "line 1: 'maxRunDurationSeconds' must be longer than zero and at most ten years.",
        ),
        ("script: [a]", "line 1: 'script' must be text."),
        ("environment:\n  python: conda", "line 2: 'environment.python' must be a mapping."),
        ("environment:\n  docker:\n    enabled: maybe", "line 3: 'environment.docker.enabled' must be true or false."),
        ("arguments: [a, [b]]", "line 1: 'arguments[1]' must be text or a number."),
        ("arguments: {a: b}", "line 1: 'arguments' must be a list."),
        ("arguments: it's", "line 1: 'arguments' has a quote that is not closed; write arguments as a list."),
        ("environmentVariables:\n  A: [1]", "line 2: 'environmentVariables.A' must be text or a number."),
        ("environmentVariables: [A]", "line 1: 'environmentVariables' must be a mapping."),
        ("dataReferences:\n  a:\n    mode: mount", "line 2: 'dataReferences.a.dataStoreName' is missing."),
        ("dataReferences: {a: {dataStoreName: s, mode: fuse}}", "'dataReferences.a.mode' must be mount, download or"),
        ("environment: ../secrets.yml", "The environment file '../secrets.yml' is outside the source directory"),
        ("environment: none.yml", "The environment file 'none.yml' is not a file of"),
        ("environment: {docker: {enabled: true, buildContext: {location: .}}}", "buildContext' is not supported"),
        ("framework: PySpark\nenvironment: {spark: {packages: [{group: a}]}}", "must list group, artifact and version"),
        ("command: Rscript a.R", "line 1: 'command' does not start a Python script; give 'script' and 'arguments'"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        RunConfiguration.load(write(tmp_path, text), "x")
    assert message in caught.value.what
    assert "\n" not in str(caught.value)
    assert caught.value.fix
