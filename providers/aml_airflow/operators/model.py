"""Register what a run made, or a file of the worker, as a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from aml_airflow.assets import model_asset
from aml_airflow.assets.events import announce, announcing
from aml_airflow.identity import made_by, maker_tags
from aml_airflow.operators.base import ADDRESS_FIELDS, AmlBaseOperator
from aml_plugins.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from aml_plugins import Model, Workspace

__all__ = ["AmlRegisterModelOperator"]


class AmlRegisterModelOperator(AmlBaseOperator):
    """Register the next version of a model; return ``NAME:VERSION``.

    A try whose worker was killed after it had registered the version is not followed by a second version: the next try
    finds it. A task that succeeded and was cleared registers a new one. The version is an event of the asset
    ``aml://WORKSPACE/models/NAME``, with ``version`` and ``run_id`` in its extra.

    :param model_name: the model's name. (templated)
    :param run_id: the run that made it. (templated)
    :param model_path: file or directory of the run. (templated)
    :param local_path: a file or directory of the worker, in place of a run's. (templated)
    :param tags: of the version. (templated)
    :param description: a few words for people, of a model from the worker. (templated)
    """

    template_fields: Sequence[str] = (
        "model_name",
        "run_id",
        "model_path",
        "local_path",
        "tags",
        "description",
        *ADDRESS_FIELDS,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"tags": "json"}

    def __init__(
        self,
        *,
        model_name: str,
        run_id: str | None = None,
        model_path: str = "outputs",
        local_path: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**announcing(kwargs))
        self.model_name = model_name
        self.run_id = run_id
        self.model_path = model_path
        self.local_path = local_path
        self.tags = tags
        self.description = description

    def execute(self, context: Context) -> str:
        """Register the version, or find what an earlier try registered."""
        instance = context["ti"]
        with self.opened() as workspace:
            model = next((known for known in self._known(workspace) if made_by(known.tags, instance)), None)
            if model is None:
                model = self._register(workspace, {**(self.tags or {}), **maker_tags(instance)})
            else:
                self.log.info("An earlier try has registered it.")
            asset = model_asset(model.name, workspace=workspace.name)
            announce(context, asset, version=model.version, run_id=model.run_id)
        self.log.info("Registered %s:%s.", model.name, model.version)
        return f"{model.name}:{model.version}"

    def _known(self, workspace: Workspace) -> Sequence[Model]:
        from aml_plugins import Model  # noqa: PLC0415  DAG files are parsed without it

        try:
            return Model.list(workspace, self.model_name)
        except NotFoundError:
            return ()

    def _register(self, workspace: Workspace, tags: Mapping[str, str]) -> Model:
        from aml_plugins import Model  # noqa: PLC0415  DAG files are parsed without it

        if (self.run_id is None) == (self.local_path is None):
            raise InvalidInputError(
                "A model is either of a run or of the worker.", "Give one of run_id and local_path, and not both."
            )
        if self.run_id is not None:
            return workspace.get_run(self.run_id).register_model(self.model_name, self.model_path, tags=tags)
        return Model.register(workspace, str(self.local_path), self.model_name, tags=tags, description=self.description)
