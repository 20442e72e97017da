"""What the operators of services have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from aml_airflow.operators.base import ADDRESS_FIELDS, DEFERRABLE, AmlBaseOperator
from aml_airflow.triggers.task import AmlTaskTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

    from aml_plugins import Image, Service, Workspace

__all__ = ["ServiceOperator", "find_image", "find_service", "update_service"]


class ServiceOperator(AmlBaseOperator):
    """Asks for something of a service, and waits until it is so."""

    template_fields: Sequence[str] = ("service_name", *ADDRESS_FIELDS)

    def __init__(self, *, service_name: str, deferrable: bool = DEFERRABLE, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.deferrable = deferrable

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> str:
        """Return the service's name, or fail with the reason why it is not as it shall be."""
        del context, event
        with self.opened() as workspace:
            return self._ready(find_service(workspace, self.service_name))

    def _wait(self, service: Service, *, delete_on_kill: bool = False) -> str:
        """Wait, or leave the worker and come back in :meth:`execute_complete`."""
        if self.deferrable:
            self._defer(service, delete_on_kill=delete_on_kill)
        return self._ready(service)

    def _defer(self, service: Service, *, delete_on_kill: bool = False) -> NoReturn:
        from aml_plugins.services.telling import task_id  # noqa: PLC0415  DAG files are parsed without it

        self.defer(
            trigger=AmlTaskTrigger(
                aml_task_id=task_id(service.record),
                delete_service=service.name if delete_on_kill else None,
                **self.address.to_dict(),
            ),
            method_name="execute_complete",
            timeout=self.execution_timeout,
        )

    def _ready(self, service: Service) -> str:
        service.wait_for_deployment(show_output=True)
        self.log.info("The service '%s' answers at %s.", service.name, service.scoring_uri)
        return service.name


def find_image(workspace: Workspace, name: str) -> Image:
    """Return an image by ``NAME:VERSION``, or the newest version that was built by ``NAME``."""
    from aml_plugins import Image  # noqa: PLC0415  DAG files are parsed without it

    found, _, version = name.partition(":")
    return Image.get(workspace, found, int(version)) if version.isdecimal() else Image.newest_built(workspace, found)


def find_service(workspace: Workspace, name: str) -> Service:
    """Return a service as it is now; ``NotFoundError`` where there is none."""
    from aml_plugins import Service  # noqa: PLC0415  DAG files are parsed without it

    return Service.get(workspace, name)


def update_service(
    service: Service,
    *,
    settings: Mapping[str, Any],
    image: Image | None = None,
    traffic: int | None = None,
    replicas: int | None = None,
) -> None:
    """Ask for what is not wanted already: a next try must not begin anew what an earlier one began."""
    desired = service.record.desired
    share = traffic if traffic is not None else 100 if image else desired["traffic"]
    wanted = {
        "image": f"{image.name}:{image.version}" if image else desired["image"],
        "traffic": share,
        "replicas": desired["replicas"] if replicas is None else replicas,
    }
    config = desired.get("config")
    same = isinstance(config, Mapping) and all(config.get(name) == value for name, value in settings.items())
    if service.record.error_code is None and same and all(desired.get(key) == value for key, value in wanted.items()):
        return
    service.update(image=image, traffic=traffic, replicas=replicas, **settings)
