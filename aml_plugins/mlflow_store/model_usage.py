# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""A model version that a service uses stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME  # noqa: TID253  a leaf: imported with a store

from aml_plugins.errors import InvalidInputError
from aml_plugins.mlflow_store.failures import to_mlflow
from aml_plugins.store.interface import Store
from aml_plugins.store.usage import services_using_model

if TYPE_CHECKING:
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as _Base
else:
    _Base = object

__all__ = ["ServiceAware"]


class ServiceAware(_Base):
    """Refuses to delete, and to rename, what services use; the error names them."""

    services: Store | None
    """The store of the services; None for a database in memory, which has none."""

    def delete_model_version(self, name: str, version: str) -> None:
        self._check_unused(name, str(version))
        super().delete_model_version(name, version)

    def delete_registered_model(self, name: str) -> None:
        self._check_unused(name, None)
        super().delete_registered_model(name)

    def rename_registered_model(self, name: str, new_name: str) -> Any:
        self._check_unused(name, None)
        return super().rename_registered_model(name, new_name)

    def _check_unused(self, name: str, version: str | None) -> None:
        if self.services is None:
            return
        with to_mlflow():
            workspace = getattr(self, "workspace", None) or self._workspace_now()
            users = services_using_model(self.services, workspace, name, version)
            if users:
                shown = f"{name} version {version}" if version else name
                raise InvalidInputError(
                    f"The model {shown} is used by the service {', '.join(users)}.",
                    f"Delete or update it first: aml service delete {users[0]}",
                )

    def _workspace_now(self) -> str:
        ask = getattr(self, "_get_active_workspace", None)
        return str(ask()) if ask else DEFAULT_WORKSPACE_NAME
