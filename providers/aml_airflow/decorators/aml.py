"""``@task.aml``: a Python function that runs on a compute target, and returns to Airflow what it returned there."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar, cast, overload

from airflow.sdk.bases.decorator import (  # noqa: TID253  this is the leaf that Airflow loads
    DecoratedOperator,
    task_decorator_factory,
)
from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS  # noqa: TID253  see above

from aml_airflow.airflow_errors import AirflowFailException
from aml_airflow.functions.capturing import CapturingError
from aml_airflow.functions.staging import SCRIPT, Call, staged
from aml_airflow.functions.values import SERIALIZERS, read_result
from aml_airflow.operators.run import AmlRunOperator
from aml_airflow.script_config import script_config

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.bases.decorator import Task

    from aml_plugins import Run, ScriptRunConfig, Workspace

__all__ = ["AmlDecoratedOperator", "aml_task"]

P = ParamSpec("P")
R = TypeVar("R")

_OF_THE_FUNCTION = frozenset({"source_directory", "script", "arguments"})


class AmlDecoratedOperator(DecoratedOperator, AmlRunOperator):
    """Run a function on a compute target: what ``@task.aml`` makes. It survives what ``AmlRunOperator`` survives.

    :param source_directory: its files travel along, such as modules that the function imports. (templated)
    :param serializer: ``json``, or ``cloudpickle`` for arguments and results that JSON cannot carry. A pickle executes
        what is in it, on the worker: choose it where you trust everybody who may write to the workspace's runs.

    The other parameters are those of ``AmlRunOperator``, less ``script`` and ``arguments``.
    """

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        "source_directory",
        *(field for field in AmlRunOperator.template_fields if field not in _OF_THE_FUNCTION),
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **AmlRunOperator.template_fields_renderers,
    }
    shallow_copy_attrs: Sequence[str] = (*DecoratedOperator.shallow_copy_attrs, *AmlRunOperator.shallow_copy_attrs)
    custom_operator_name = "@task.aml"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        source_directory: str | None = None,
        serializer: str = "json",
        **kwargs: Any,
    ) -> None:
        if serializer not in SERIALIZERS:
            raise ValueError(f"There is no serializer '{serializer}'. There is: {', '.join(SERIALIZERS)}.")
        super().__init__(
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            source_directory=source_directory,
            **kwargs,
        )
        self.serializer = serializer

    @contextmanager
    def _config(self, context: Context) -> Iterator[ScriptRunConfig]:
        """Yield a directory made of the function, in place of the author's."""
        call = Call(
            function=self.python_callable,
            positional=list(self.op_args),
            named=self._named(context),
            serializer=self.serializer,
            beside=self.source_directory,
        )
        with _as_failures(), staged(call) as (directory, arguments):
            yield script_config(self, directory, SCRIPT, arguments)

    def _result(self, workspace: Workspace, run: Run, context: Context) -> Any:
        """Return what the function returned on the target."""
        super()._result(workspace, run, context)
        with _as_failures():
            return read_result(workspace, run, self.serializer)

    def _named(self, context: Context) -> Mapping[str, Any]:
        """Return the named arguments, with what the function asks of Airflow's context by name, such as ``ds``."""
        parameters = inspect.signature(self.python_callable).parameters.values()
        known = cast("Mapping[str, Any]", context)
        asked = [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
        positional = asked[: len(self.op_args)]
        return {
            **{name: known[name] for name in asked if name in KNOWN_CONTEXT_KEYS and name not in positional},
            **self.op_kwargs,
        }


@contextmanager
def _as_failures() -> Iterator[None]:
    """A function that cannot travel is a mistake in the DAG: no other try helps."""
    try:
        yield
    except CapturingError as error:
        raise AirflowFailException(str(error)) from None


@overload
def aml_task(python_callable: Callable[P, R]) -> Task[P, R]: ...


@overload
def aml_task(
    python_callable: None = None,
    *,
    target: str | None = None,
    environment: Mapping[str, Any] | None = None,
    experiment: str | None = None,
    run_config: str | None = None,
    environment_variables: Mapping[str, str] | None = None,
    source_directory: str | None = None,
    serializer: str = "json",
    workspace: str | None = None,
    store: str | None = None,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def aml_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
    """Make a task of a function: ``@task.aml``, under a name that editors know.

    :param target: the compute target's name.
    :param environment: what the function needs, such as ``{"kind": "pip", "requirements": ["scikit-learn"]}``.

    All other parameters are those of :class:`AmlDecoratedOperator`.
    """
    return task_decorator_factory(
        python_callable=python_callable, decorated_operator_class=AmlDecoratedOperator, **kwargs
    )
