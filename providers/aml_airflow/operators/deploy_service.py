"""Deploy an image as a web service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from aml_airflow.cancellation import Cancellation
from aml_airflow.failures import in_airflows_words
from aml_airflow.identity import maker_tags, same_maker
from aml_airflow.operators.base import ADDRESS_FIELDS
from aml_airflow.operators.service_base import ServiceOperator, find_image, find_service, update_service
from aml_plugins.errors import AlreadyExistsError, NotFoundError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

    from aml_plugins import Image, Service, Workspace

__all__ = ["AmlDeployServiceOperator"]


class AmlDeployServiceOperator(ServiceOperator):
    """Deploy an image as a web service, and wait until it answers; return the service's name.

    A next try goes on with what an earlier one began. A task that is killed before the service answered deletes the
    service that it began; one that was there before goes on to what it shall be.

    :param service_name: the service's name. (templated)
    :param image: ``NAME:VERSION``, or ``NAME`` for the newest version that was built. (templated)
    :param target: the service type: ``local``, ``docker``, or a plugin's. (templated)
    :param replicas: how many processes or containers answer. (templated)
    :param timeout_seconds: how long it may take until the service is ready.
    :param settings: of the type; see its reference page. (templated)
    :param tags: of the service. (templated)
    :param overwrite: update a service of this name that is there already. Without, it fails the task.
    :param deferrable: leave the worker meanwhile; a monitor brings the service up.
    """

    template_fields: Sequence[str] = (
        "service_name",
        "image",
        "target",
        "replicas",
        "settings",
        "tags",
        *ADDRESS_FIELDS,
    )
    shallow_copy_attrs: Sequence[str] = ("_cancellation",)  # it has a queue, and a queue cannot be copied
    template_fields_renderers: ClassVar[dict[str, str]] = {"settings": "json", "tags": "json"}

    def __init__(
        self,
        *,
        image: str,
        target: str = "local",
        replicas: int = 1,
        timeout_seconds: float = 300.0,
        settings: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        overwrite: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.image = image
        self.target = target
        self.replicas = replicas
        self.timeout_seconds = timeout_seconds
        self.settings = settings
        self.tags = tags
        self.overwrite = overwrite
        self._cancellation: Cancellation | None = None

    def execute(self, context: Context) -> str:
        """Write down what is wanted, and wait until it is so."""
        with in_airflows_words():
            workspace = self.address.open()
            maker = context["ti"]
            with Cancellation(lambda: self._take_back(workspace, maker)) as self._cancellation:
                service = self._wanted(workspace, context)
                return self._wait(service, delete_on_kill=_is_new(service, maker))

    def on_kill(self) -> None:
        """Delete the service if this task began it and it never answered; Airflow calls this in a signal handler."""
        if self._cancellation is not None:
            self._cancellation.request()

    def _take_back(self, workspace: Workspace, maker: RuntimeTaskInstanceProtocol) -> bool:
        try:
            service = find_service(workspace, self.service_name)
        except NotFoundError:
            return False
        if _is_new(service, maker):
            service.delete(wait=False)
        return True

    def _wanted(self, workspace: Workspace, context: Context) -> Service:
        image = find_image(workspace, self.image)
        try:
            known = find_service(workspace, self.service_name)
        except NotFoundError:
            return self._deploy(workspace, image, context)
        if not self.overwrite and not same_maker(known.record.tags, context["ti"]):
            raise AlreadyExistsError(f"There is a service '{known.name}' already.", "Give overwrite=True to update it.")
        update_service(known, image=image, replicas=int(self.replicas), settings=self.settings or {})
        return known

    def _deploy(self, workspace: Workspace, image: Image, context: Context) -> Service:
        from aml_plugins import Service  # noqa: PLC0415  DAG files are parsed without it

        return Service.deploy(
            workspace,
            self.service_name,
            image,
            target=self.target,
            replicas=int(self.replicas),
            timeout_seconds=self.timeout_seconds,
            tags={**(self.tags or {}), **maker_tags(context["ti"])},
            **(self.settings or {}),
        )


def _is_new(service: Service, maker: RuntimeTaskInstanceProtocol) -> bool:
    """Say whether the task began the service, and it never answered."""
    return service.record.generation == 0 and same_maker(service.record.tags, maker)
