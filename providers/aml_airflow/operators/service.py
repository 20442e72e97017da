"""Deploy, update, delete and call web services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from aml_airflow.operators.base import ADDRESS_FIELDS
from aml_airflow.operators.deploy_service import AmlDeployServiceOperator
from aml_airflow.operators.score import AmlScoreOperator
from aml_airflow.operators.service_base import ServiceOperator, find_image, find_service, update_service
from aml_plugins.errors import NotFoundError

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["AmlDeleteServiceOperator", "AmlDeployServiceOperator", "AmlScoreOperator", "AmlUpdateServiceOperator"]


class AmlUpdateServiceOperator(ServiceOperator):
    """Change a service without dropping a request, and wait until it is so; return the service's name.

    What is so already is not done again. Killing the task does not take the change back.

    :param service_name: the service's name. (templated)
    :param image: ``NAME:VERSION``, or ``NAME`` for the newest that was built; None for the present one. (templated)
    :param traffic: the share of requests, in percent, that the image gets; the rest stays where it was. (templated)
    :param replicas: how many processes or containers answer; None for as many as now. (templated)
    :param settings: settings of the type to change. (templated)
    :param deferrable: leave the worker meanwhile.
    """

    template_fields: Sequence[str] = ("service_name", "image", "traffic", "replicas", "settings", *ADDRESS_FIELDS)
    template_fields_renderers: ClassVar[dict[str, str]] = {"settings": "json"}

    def __init__(
        self,
        *,
        image: str | None = None,
        traffic: int | None = None,
        replicas: int | None = None,
        settings: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.image = image
        self.traffic = traffic
        self.replicas = replicas
        self.settings = settings

    def execute(self, context: Context) -> str:
        """Write down what is wanted, and wait until it is so."""
        del context
        with self.opened() as workspace:
            service = find_service(workspace, self.service_name)
            update_service(
                service,
                image=find_image(workspace, self.image) if self.image else None,
                traffic=None if self.traffic is None else int(self.traffic),
                replicas=None if self.replicas is None else int(self.replicas),
                settings=self.settings or {},
            )
            return self._wait(service)


class AmlDeleteServiceOperator(ServiceOperator):
    """Delete a service and everything that was started for it; one that is gone already is fine.

    :param service_name: the service's name. (templated)
    :param deferrable: leave the worker meanwhile.
    """

    def execute(self, context: Context) -> str:
        """Ask for the deletion, and wait until the service is gone."""
        del context
        with self.opened() as workspace:
            try:
                service = find_service(workspace, self.service_name)
            except NotFoundError:
                self.log.info("There is no service '%s'.", self.service_name)
                return self.service_name
            service.delete(wait=not self.deferrable)
            if self.deferrable:
                self._defer(service)
            return self.service_name

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> str:
        """Make sure that the service is gone."""
        del event
        return self.execute(context)
