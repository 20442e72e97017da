"""What tells why Spark ended, out of logs that real Sparks and a real YARN wrote (shortened)."""

from __future__ import annotations

import pytest

from aml_plugins.compute.spark_log import telling

NO_KEY = """
26/11/27 18:05:09 WARN NativeCodeLoader: Unable to load native-hadoop library for your platform...
Exception in thread "main" org.apache.hadoop.fs.azure.AzureException: org.apache.hadoop.fs.azure.AzureException: No cred
\tat org.apache.hadoop.fs.azure.AzureNativeFileSystemStore.createAzureStorageSession(AzureNativeFileSystemStore.java:11)
\tat org.apache.hadoop.fs.FileSystem$Cache.getInternal(FileSystem.java:3611)
Caused by: org.apache.hadoop.fs.azure.AzureException: No credentials found for account amltests in the configuration
\tat org.apache.hadoop.fs.azure.AzureNativeFileSystemStore.createAzureStorageSession(AzureNativeFileSystemStore.java:11)
\t... 28 more
"""
NO_QUEUE = """
26/11/27 18:26:05 INFO Client: Deleted staging directory wasb://jobs@amltests/user/livy/.sparkStaging/application_1_0003
Exception in thread "main" org.apache.hadoop.yarn.exceptions.YarnException: Failed to submit application_1_0003 to YARN
\tat org.apache.hadoop.yarn.client.api.impl.YarnClientImpl.submitApplication(YarnClientImpl.java:336)
26/11/27 18:26:05 INFO MetricsSystemImpl: azure-file-system metrics system stopped.
"""
KILLED = [
    "Application application_1_0006 failed 1 times (global limit =2; local limit is =1) due to AM Container for x",
    "Failing this attempt.Diagnostics: [2026-11-27 18:29:18.042]Container killed on request. Exit code is 137",
    "[2026-11-27 18:29:18.042]Container exited with a non-zero exit code 137. ",
    "[2026-11-27 18:29:18.043]Killed by external signal",
    ". Failing the application.",
]
HALTED = """
26/11/27 18:06:42 INFO BlockManagerMaster: Registered BlockManager BlockManagerId(driver, localhost, 34463, None)
26/11/27 18:06:42 INFO BlockManager: Initialized BlockManager: BlockManagerId(driver, localhost, 34463, None)
"""


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (NO_KEY, "org.apache.hadoop.fs.azure.AzureException: No credentials found for account amltests in the "),
        (NO_QUEUE, "org.apache.hadoop.yarn.exceptions.YarnException: Failed to submit application_1_0003 to YARN"),
        (HALTED, "26/11/27 18:06:42 INFO BlockManagerMaster: Registered"),
        ("", ""),
    ],
)
def test_the_cause_is_told(log: str, told: str) -> None:
    said = telling(["stdout: ", *log.splitlines(), "\nstderr: ", "\nYARN Diagnostics: ", "spark-submit start failed"])
    assert said.startswith(told)
    assert "start failed" not in said
    assert "\tat " not in said


def test_of_an_application_that_yarn_ended_yarn_is_heard() -> None:
    said = telling(["stdout: ", *NO_QUEUE.splitlines()[-1:], "\nstderr: ", "\nYARN Diagnostics: ", *KILLED])
    assert said.startswith("Application application_1_0006 failed 1 times")
    assert "Exit code is 137" in said


def test_a_long_cause_is_cut() -> None:
    assert len(telling(["Caused by: " + "x" * 10_000])) == 600
