"""Build an image of models and a scoring script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from aml_airflow.identity import made_by, maker_tags
from aml_airflow.operators.base import ADDRESS_FIELDS, DEFERRABLE, AmlBaseOperator
from aml_airflow.triggers.task import AmlTaskTrigger
from aml_plugins.errors import NotFoundError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from aml_plugins import Image, Model, Workspace

__all__ = ["AmlCreateImageOperator"]


class AmlCreateImageOperator(AmlBaseOperator):
    """Build the next version of an image and register it; return ``NAME:VERSION``.

    A try whose worker was killed is not followed by a second version: the next try goes on with the first one's. A
    build that failed is tried again as a new version, and so is one that succeeded and was cleared. Killing the task
    does not end a build that has begun: it is bounded, and what it made is found by the next try.

    :param image_name: the image's name. (templated)
    :param models: the models in it: ``NAME:VERSION``, or ``NAME`` for the newest version. (templated)
    :param entry_script: the scoring script, in ``source_directory``. (templated)
    :param source_directory: all of it goes into the image. (templated)
    :param environment: an environment section: ``{"kind": "pip", "requirements": ["scikit-learn"]}``. (templated)
    :param schema: a Swagger document in ``source_directory``. (templated)
    :param description: a sentence for people. (templated)
    :param builder: how it is built; ``aml plugins list`` shows all.
    :param base_image: what it begins with; the builder's own choice by default. (templated)
    :param registry: where to push it; a password is given as ``secret://STORE/NAME``. (templated)
    :param variables: environment variables of the image. (templated)
    :param tags: of the version. (templated)
    :param deferrable: leave the worker meanwhile; a monitor builds the image.
    :param durable: False: no try goes on with what an earlier one began.
    """

    template_fields: Sequence[str] = (
        "image_name",
        "models",
        "entry_script",
        "source_directory",
        "environment",
        "schema",
        "description",
        "base_image",
        "registry",
        "variables",
        "tags",
        *ADDRESS_FIELDS,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = dict.fromkeys(
        ("models", "environment", "registry", "variables", "tags"), "json"
    )

    def __init__(
        self,
        *,
        image_name: str,
        models: Sequence[str] | str,
        entry_script: str,
        source_directory: str = ".",
        environment: Mapping[str, Any] | None = None,
        schema: str | None = None,
        description: str = "",
        builder: str = "oci",
        base_image: str | None = None,
        registry: Mapping[str, Any] | None = None,
        variables: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        deferrable: bool = DEFERRABLE,
        durable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.image_name = image_name
        self.models = models
        self.entry_script = entry_script
        self.source_directory = source_directory
        self.environment = environment
        self.schema = schema
        self.description = description
        self.builder = builder
        self.base_image = base_image
        self.registry = registry
        self.variables = variables
        self.tags = tags
        self.deferrable = deferrable
        self.durable = durable

    def execute(self, context: Context) -> str:
        """Write the image down, or find what an earlier try wrote; build it, or leave that to a monitor."""
        with self.opened() as workspace:
            image = self._image(workspace, context)
            if self.deferrable and image.state == "Building":
                self._defer(image)
            image.wait_for_creation(show_output=True)
            return self._made(image)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> str:
        """Return what was built, or fail with the reason why it was not."""
        from aml_plugins import Image  # noqa: PLC0415  DAG files are parsed without it
        from aml_plugins.images.building import task_id  # noqa: PLC0415  as above

        del context
        with self.opened() as workspace:
            built = event["aml_task_id"]
            image = next((one for one in Image.list(workspace, self.image_name) if task_id(one.record) == built), None)
            if image is None:
                raise NotFoundError(f"The image '{self.image_name}' was deleted while it was built.", "Build it again.")
            print(image.get_logs(), flush=True)  # noqa: T201  the task's log takes what is printed
            image.wait_for_creation()
            return self._made(image)

    def _defer(self, image: Image) -> NoReturn:
        from aml_plugins.images.building import task_id  # noqa: PLC0415  DAG files are parsed without it

        self.defer(
            trigger=AmlTaskTrigger(aml_task_id=task_id(image.record), **self.address.to_dict()),
            method_name="execute_complete",
            timeout=self.execution_timeout,
        )

    def _image(self, workspace: Workspace, context: Context) -> Image:
        from aml_plugins import Image  # noqa: PLC0415  DAG files are parsed without it
        from aml_plugins.images.inference import InferenceConfig  # noqa: PLC0415  as above

        instance = context["ti"]
        for known in Image.list(workspace, self.image_name) if self.durable else ():
            if known.record.state != "Failed" and made_by(known.record.tags, instance):
                self.log.info("Going on with %s:%s, which an earlier try began.", known.name, known.version)
                return known
        inference = InferenceConfig(
            self.entry_script, self.source_directory, self.environment, self.schema, self.description
        )
        names = [self.models] if isinstance(self.models, str) else self.models
        return Image.create(
            workspace,
            self.image_name,
            models=[_model(workspace, name) for name in names],
            inference=inference,
            builder=self.builder,
            base_image=self.base_image,
            registry=self.registry,
            variables=self.variables,
            tags={**(self.tags or {}), **maker_tags(instance)},
            wait=not self.deferrable,
            show_output=not self.deferrable,
        )

    def _made(self, image: Image) -> str:
        self.log.info("Image %s:%s has the digest %s.", image.name, image.version, image.digest)
        return f"{image.name}:{image.version}"


def _model(workspace: Workspace, name: str) -> Model:
    from aml_plugins import Model  # noqa: PLC0415  DAG files are parsed without it

    found, _, version = name.partition(":")
    return Model.get(workspace, found, version or None)
