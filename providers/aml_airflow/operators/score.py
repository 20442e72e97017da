"""Call a web service."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from aml_airflow.operators.base import ADDRESS_FIELDS, AmlBaseOperator
from aml_airflow.operators.service_base import find_service
from aml_plugins.errors import OperationFailedError

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["AmlScoreOperator"]

LARGEST_ANSWER = 48 * 1024
"""Bytes of JSON that a task returns itself: XCom is for small values, and the database holds each for ever."""


class AmlScoreOperator(AmlBaseOperator):
    """Call a service; return its answer.

    :param service_name: the service's name. (templated)
    :param data: what to send: text as it is, anything else as JSON. (templated)
    :param input_path: a file to send, in place of ``data``. (templated)
    :param output_path: a file for the answer; its path is returned in the answer's place. (templated)
    :param headers: further headers of the request.
    """

    template_fields: Sequence[str] = ("service_name", "data", "input_path", "output_path", *ADDRESS_FIELDS)
    template_fields_renderers: ClassVar[dict[str, str]] = {"data": "json"}

    def __init__(
        self,
        *,
        service_name: str,
        data: Any = None,
        input_path: str | None = None,
        output_path: str | None = None,
        headers: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.data = data
        self.input_path = input_path
        self.output_path = output_path
        self.headers = headers

    def execute(self, context: Context) -> Any:
        """Send one request."""
        del context
        with self.opened() as workspace:
            sent = Path(self.input_path).read_bytes() if self.input_path else self.data
            answer = find_service(workspace, self.service_name).run(sent, headers=self.headers)
            return self._returned(answer)

    def _returned(self, answer: Any) -> Any:
        if self.output_path is None:
            size = len(answer) if isinstance(answer, (bytes, str)) else len(json.dumps(answer))
            if isinstance(answer, bytes) or size > LARGEST_ANSWER:
                raise OperationFailedError(
                    f"The answer has {size} bytes and is too much for XCom, or no text.", "Give an output_path."
                )
            return answer
        target = Path(self.output_path)
        partial = target.with_name(f".{target.name}.part")
        partial.write_bytes(_bytes(answer))
        partial.replace(target)
        return str(target)


def _bytes(answer: Any) -> bytes:
    if isinstance(answer, bytes):
        return answer
    return (answer if isinstance(answer, str) else json.dumps(answer)).encode()
