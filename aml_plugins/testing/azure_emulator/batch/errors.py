"""Errors as Batch answers them: codes, status, and the words that were seen."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BatchProblem"]

_KNOWN: Mapping[str, tuple[int, str]] = {
    "AuthenticationFailed": (
        403,
        (
            "Server failed to authenticate the request. Make sure the value of Authorization header is formed "
            "correctly including the signature."
        ),
    ),
    "MissingRequiredHeader": (400, "An HTTP header that's mandatory for this request is not specified."),
    "InvalidHeaderValue": (400, "The value provided for one of the HTTP headers was not in the correct format."),
    "InvalidPropertyValue": (400, "The value provided for one of the properties in the request body is invalid."),
    "InvalidRequestBody": (400, "The specified Request Body is not syntactically valid."),
    "InvalidRequestUri": (400, "The requested URI does not represent any resource on the server."),
    "InvalidQueryParameterValue": (
        400,
        "Value for one of the query parameters specified in the request URI is invalid",
    ),
    "MultipleConditionHeadersNotSupported": (400, "Multiple condition headers are not supported."),
    "UnsupportedQueryParameter": (400, "One of the query parameters specified in the request URI is not supported."),
    "MissingRequiredProperty": (400, "A required property was not specified in the request body."),
    "MissingRequiredQueryParameter": (
        400,
        "A query parameter that's mandatory for this request is not specified.",
    ),
    "OutOfRangeInput": (400, "One of the request inputs is out of range."),
    "UnsupportedRequestVersion": (400, "Specified Api Version is either invalid or unsupported."),
    "UnsupportedHttpVerb": (405, "The resource doesn't support specified Http Verb."),
    "InvalidAutoScalingSettings": (400, "The specified auto-scaling settings are not valid."),
    "AutoScalingFormulaSyntaxError": (400, "The specified auto-scaling formula has a syntax error."),
    "AutoScalingFormulaEvaluationError": (400, "The specified autoscaling formula could not be evaluated."),
    "TaskDependenciesNotSpecifiedOnJob": (
        400,
        (
            "A task was specified as depending on other tasks, but the job did not specify that it would use task "
            "dependencies."
        ),
    ),
    "RequestBodyTooLarge": (413, "The size of the request body exceeds the maximum size permitted."),
    "InvalidRange": (416, "The specified range is not valid for the resource."),
    "PoolNotFound": (404, "The specified pool does not exist."),
    "NodeNotFound": (404, "The specified node does not exist."),
    "NodeUserNotFound": (404, "The specified node user does not exist."),
    "JobNotFound": (404, "The specified job does not exist."),
    "JobScheduleNotFound": (404, "The specified job schedule does not exist."),
    "TaskNotFound": (404, "The specified task does not exist."),
    "FileNotFound": (404, "The specified file does not exist."),
    "ApplicationNotFound": (404, "The specified application does not exist."),
    "ResourceNotFound": (404, "The specified resource does not exist."),
    "PoolExists": (409, "The specified pool already exists."),
    "JobExists": (409, "The specified job already exists."),
    "JobScheduleExists": (409, "The specified job schedule already exists."),
    "TaskExists": (409, "The specified task already exists."),
    "NodeUserExists": (409, "The specified node user already exists."),
    "PoolBeingDeleted": (409, "The specified pool has been marked for deletion and is being reclaimed."),
    "PoolBeingResized": (409, "The specified pool is being resized."),
    "PoolNotEligibleForResize": (409, "The specified pool is not eligible for resize."),
    "AutoScaleNotEnabled": (409, "The specified pool does not have autoscale enabled."),
    "JobBeingDeleted": (409, "The specified job has been marked for deletion and is being garbage collected."),
    "JobBeingTerminated": (409, "The specified job is being terminated."),
    "JobCompleted": (409, "The specified job is already in a completed state."),
    "JobDisabled": (409, "The specified job is disabled."),
    "JobNotDisabled": (409, "The specified job is not disabled."),
    "JobNotActive": (409, "The specified job is not in active state."),
    "TaskCompleted": (409, "The specified task is already in a completed state."),
    "TaskNotCompleted": (
        409,
        (
            "The specified task is not in a completed state, and the requested operation can be performed only on "
            "completed tasks."
        ),
    ),
    "TaskSucceeded": (
        409,
        (
            "The specified task has already completed successfully, and the requested operation cannot be performed "
            "on successful tasks."
        ),
    ),
    "TaskFilesUnavailable": (409, "The files of the specified task are unavailable."),
    "TaskFilesCleanedup": (409, "The files of the specified task are cleanedup."),
    "OperationInvalidForCurrentState": (
        409,
        "The specified operation is not valid for the current state of the resource.",
    ),
    "JobPreparationTaskNotSpecified": (409, "The specified job does not have job preparation task."),
    "TaskIdSameAsJobPreparationTask": (409, "The specified task id is same as the job preparation task."),
    "TaskIdSameAsJobReleaseTask": (409, "The specified task id is same as the job release task."),
    "JobWithSameIdExists": (
        409,
        "A job with the specified job schedule id exists. Job and job schedule cannot have the same id.",
    ),
    "JobScheduleWithSameIdExists": (
        409,
        "A job schedule with the specified job id exists. Job and job schedule cannot have the same id.",
    ),
    "JobScheduleBeingTerminated": (409, "The specified job schedule is being terminated."),
    "JobScheduleBeingDeleted": (
        409,
        "The specified job schedule has been marked for deletion and is being reclaimed.",
    ),
    "JobScheduleCompleted": (409, "The specified job schedule is already in completed state."),
    "NodeAlreadyInTargetSchedulingState": (409, "The specified node is already in the target scheduling state."),
    "OperationNotValidOnNode": (409, "The specified operation is not valid on the node."),
    "PoolQuotaReached": (409, "Pool quota for the account has been reached."),
    "ActiveJobAndScheduleQuotaReached": (
        409,
        "Active job and schedule quota for the account has been reached.",
    ),
    "ConditionNotMet": (412, "The condition specified using HTTP conditional header(s) is not met."),
    "InternalError": (500, "Server encountered an internal error. Please try again after some time."),
    "OperationTimedOut": (500, "Operation could not be completed within the specified time."),
    "ServerBusy": (503, "Server is busy. Please try again after some time."),
    "TooManyRequests": (429, "The request rate of the account was exceeded. Please try again after some time."),
}


class BatchProblem(Exception):  # noqa: N818  it is an answer
    """A request that is answered with an error.

    :param code: one of Microsoft's "Batch Status and Error Codes".
    :param status: where it is not the usual one of the code.
    :param values: details, in order.
    """

    def __init__(self, code: str, *, message: str | None = None, status: int | None = None, **values: str) -> None:
        self.code = code
        usual, known = _KNOWN[code]
        self.status = status or usual
        self.message = message or known
        self.values = values
        super().__init__(self.message)

    def body(self, endpoint: str, request_id: str, time: str) -> dict[str, object]:
        """Return the error as it is answered."""
        said: dict[str, object] = {
            "odata.metadata": f"{endpoint}/$metadata#Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element",
            "code": self.code,
            "message": {"lang": "en-US", "value": f"{self.message}\nRequestId:{request_id}\nTime:{time}"},
        }
        if self.values:
            said["values"] = [{"key": key, "value": value} for key, value in self.values.items()]
        return said
