"""The protocol by Microsoft's SDK."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, cast

from azure.batch import BatchClient  # noqa: TID253  a leaf: imported when a target is first asked
from azure.core.credentials import AzureNamedKeyCredential  # noqa: TID253  as above
from azure.core.exceptions import (  # noqa: TID253  as above
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.rest import HttpRequest  # noqa: TID253  as above

from aml_backends.azure.login import default_credential
from aml_backends.azure_batch.api import Body, RefusedError
from aml_plugins.errors import BackendError, InvalidInputError, TransientBackendError
from aml_plugins.retry_after import seconds_asked

__all__ = ["SdkBatchApi"]

API_VERSION = "2025-06-01"
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_TASK_FACTS = ["id", "state", "executionInfo"]
_FIXES = {
    "AuthenticationFailed": "Check the target's account_key, and the clock of this machine.",
    "InsufficientAccountPermissions": "Give the identity the role Azure Batch Data Contributor.",
    "PoolQuotaReached": "Delete a pool that nobody needs, or ask Azure for a higher quota.",
    "ActiveJobAndScheduleQuotaReached": "Delete jobs of old experiments, or ask Azure for a higher quota.",
    "JobCompleted": "Somebody ended the job of this experiment on Azure: delete it there, and submit again.",
    "JobBeingTerminated": "Somebody ended the job of this experiment on Azure: delete it there, and submit again.",
    "JobBeingDeleted": "Submit again when Azure has deleted the job.",
    "PoolBeingDeleted": "Submit again when Azure has deleted the pool.",
}


class SdkBatchApi:
    """One account.

    :param key: an account key; None for azure-identity's default credential.
    :raises InvalidInputError: where the key cannot be one.
    """

    def __init__(self, url: str, account: str, key: str | None) -> None:
        self._url = url
        credential: Any = AzureNamedKeyCredential(account, _checked(key)) if key else default_credential()
        # Waiting is the core's: a client that sleeps through Retry-After would hold up every other run.
        self._client = BatchClient(
            url, credential, retry_total=0, connection_timeout=10, read_timeout=60, api_version=API_VERSION
        )

    def get_pool(self, pool: str) -> Body:
        with self._words(f"show pool '{pool}'"):
            return self._client.get_pool(pool).as_dict()

    def create_pool(self, body: Body) -> None:
        with self._words(f"create pool '{body['id']}'"):
            self._client.create_pool(cast("Any", dict(body)))

    def delete_pool(self, pool: str) -> None:
        with self._words(f"delete pool '{pool}'"):
            # begin_delete_pool would leave a thread behind that polls for minutes.
            asked = HttpRequest("DELETE", f"/pools/{pool}?api-version={API_VERSION}")
            self._client.send_request(asked).raise_for_status()

    def failed_nodes(self, pool: str) -> Sequence[Body]:
        wanted = "state eq 'starttaskfailed' or state eq 'unusable'"
        with self._words(f"list nodes of pool '{pool}'"):
            return [node.as_dict() for node in self._client.list_nodes(pool, filter=wanted)]

    def create_job(self, body: Body) -> None:
        with self._words(f"create job '{body['id']}'"):
            self._client.create_job(cast("Any", dict(body)))

    def get_job(self, job: str) -> Body:
        with self._words(f"show job '{job}'"):
            return self._client.get_job(job, select=["id", "priority"]).as_dict()

    def update_job(self, job: str, changes: Body) -> None:
        with self._words(f"change job '{job}'"):
            self._client.update_job(job, cast("Any", dict(changes)))

    def list_jobs(self, start: str) -> Sequence[Body]:
        wanted = f"startswith(id,'{start}')"
        with self._words("list jobs"):
            found = self._client.list_jobs(filter=wanted, select=["id", "poolInfo", "metadata"])
            return [job.as_dict() for job in found]

    def delete_job(self, job: str) -> None:
        with self._words(f"delete job '{job}'"):
            asked = HttpRequest("DELETE", f"/jobs/{job}?api-version={API_VERSION}")  # as for pools
            self._client.send_request(asked).raise_for_status()

    def create_task(self, job: str, body: Body) -> None:
        with self._words(f"create task '{body['id']}'"):
            self._client.create_task(job, cast("Any", dict(body)))

    def get_task(self, job: str, task: str) -> Body:
        with self._words(f"show task '{task}'"):
            return self._client.get_task(job, task, select=_TASK_FACTS).as_dict()

    def list_tasks(self, job: str) -> Iterator[Body]:
        with self._words(f"list tasks of job '{job}'"):
            for task in self._client.list_tasks(job, select=_TASK_FACTS, max_results=1000):
                yield task.as_dict()

    def terminate_task(self, job: str, task: str) -> None:
        with self._words(f"end task '{task}'"):
            self._client.terminate_task(job, task)

    def delete_task(self, job: str, task: str) -> None:
        with self._words(f"delete task '{task}'"):
            self._client.delete_task(job, task)

    def read_file(self, job: str, task: str, path: str, first: int, size: int) -> bytes:
        with self._words(f"show file '{path}' of task '{task}'"):
            return b"".join(self._client.download_task_file(job, task, path, **_part(first, size)))

    def list_subtasks(self, job: str, task: str) -> Iterator[Body]:
        with self._words(f"list subtasks of task '{task}'"):
            for subtask in self._client.list_subtasks(job, task):
                yield subtask.as_dict()

    def read_node_file(self, pool: str, node: str, path: str, first: int, size: int) -> bytes:
        with self._words(f"show file '{path}' of node '{node}'"):
            return b"".join(self._client.download_node_file(pool, node, path, **_part(first, size)))

    def list_files(self, job: str, task: str) -> Iterator[Body]:
        with self._words(f"list files of task '{task}'"):
            for file in self._client.list_task_files(job, task, recursive=True):
                yield file.as_dict()

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _words(self, what: str) -> Iterator[None]:
        """Turn what Azure's client raises into sentences; its own texts go on for pages."""
        try:
            yield
        except (ServiceRequestError, ServiceResponseError) as error:
            raise TransientBackendError(
                f"The Batch account at {self._url} cannot be reached: {_line(error)}.",
                "Check the target's account_url and the network.",
            ) from error
        except HttpResponseError as error:
            raise self._refused(what, error) from error
        except AzureError as error:
            raise BackendError(f"Azure Batch cannot {what}: {_line(error)}.") from error

    def _refused(self, what: str, error: HttpResponseError) -> BackendError:
        if isinstance(error, ClientAuthenticationError) and error.response is None:
            return BackendError(
                f"There is no credential for Azure: {_line(error)}.", "Log in with: az login, or set account_key."
            )
        status = error.status_code or 0
        said = f"Azure Batch cannot {what} now" if status in _PASSING else f"Azure Batch refused to {what}"
        code = str(error.error.code if error.error else "") or f"HTTP {status}"
        text = f"{said}: {_line(error.error.message if error.error else error)} ({code})."
        if status in _PASSING:
            return TransientBackendError(text, retry_after=seconds_asked(getattr(error.response, "headers", None)))
        if isinstance(error, ResourceNotFoundError) and code.startswith("HTTP"):
            code = "ResourceNotFound"
        return RefusedError(text, _FIXES.get(code, ""), reason=code)


def _checked(key: str) -> str:
    """The client signs with what the key says in base64, and would fail at its first request."""
    try:
        base64.b64decode(key, validate=True)
    except ValueError:
        raise InvalidInputError(
            "The key of the Batch account is none: it is not in base64.",
            "Copy a whole account key from the portal into the secret that the target's account_key names.",
        ) from None
    return key


def _part(first: int, size: int) -> dict[str, Any]:
    return {"ocp_range": f"bytes={first}-{first + size - 1}", "raw_response_hook": _read_refusals}


def _read_refusals(response: Any) -> None:
    """The SDK streams files, and would not read why there is none."""
    if response.http_response.status_code >= HTTPStatus.BAD_REQUEST:
        response.http_response.read()


def _line(said: object) -> str:
    return str(said or "no reason given").splitlines()[0].rstrip(". ")[:500]
