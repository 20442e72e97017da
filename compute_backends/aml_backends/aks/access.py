"""Who we are to the cluster, and where it is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_backends.aks.cluster import Cluster
from aml_backends.aks.config import AksConfig
from aml_plugins.errors import InvalidInputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubernetes.client import ApiClient

__all__ = ["open_cluster"]


def open_cluster(config: AksConfig, secret: Callable[[str], str], fetch_kubeconfig: Callable[[], str]) -> Cluster:
    """Return the cluster that the target's settings name. Asks it nothing.

    :param secret: resolves a reference.
    :param fetch_kubeconfig: asks Azure for the kubeconfig of ``resource_id``.
    :raises InvalidInputError: where there is no such kubeconfig or context.
    """
    import yaml  # noqa: PLC0415  for these targets only

    try:
        import kubernetes.config
    except ImportError:
        raise MissingExtraError("A compute target of type 'aks'", "aks") from None
    try:
        client = _client(kubernetes.config, config, secret, fetch_kubeconfig)
    except (kubernetes.config.ConfigException, yaml.YAMLError, OSError, ValueError) as error:
        raise InvalidInputError(
            f"The kubeconfig of the cluster cannot be used: {str(error).partition(chr(10))[0].rstrip('.')}.",
            "Correct the target's 'kubeconfig' or 'context'; try it with: kubectl get jobs",
        ) from None
    _leave_waiting_to_the_core(client)
    return Cluster(client, config.namespace)


def _leave_waiting_to_the_core(client: ApiClient) -> None:
    """urllib3 would sleep through ``Retry-After``, three times over, and hold up every other run; it may reconnect."""
    from urllib3 import Retry  # noqa: PLC0415  it comes with kubernetes

    again = Retry(3, status=0, respect_retry_after_header=False)
    client.rest_client.pool_manager.connection_pool_kw["retries"] = again


def _client(
    kubeconfig: Any, config: AksConfig, secret: Callable[[str], str], fetch_kubeconfig: Callable[[], str]
) -> ApiClient:
    if config.kubeconfig_secret is not None:
        return _from_text(kubeconfig, secret(config.kubeconfig_secret), config.context)
    if config.resource_id is not None:
        return _from_text(kubeconfig, fetch_kubeconfig(), config.context)
    path = str(Path(config.kubeconfig).expanduser()) if config.kubeconfig else None
    client: ApiClient = kubeconfig.new_client_from_config(config_file=path, context=config.context)
    return client


def _from_text(kubeconfig: Any, text: str, context: str | None) -> ApiClient:
    """Read a kubeconfig that is in no file. The library wants certificates as files and makes temporary ones itself."""
    import yaml  # noqa: PLC0415  as above

    value = yaml.safe_load(text)
    if not isinstance(value, dict):
        raise ValueError("it has no keys")  # noqa: TRY004  what the library raises for other nonsense
    with tempfile.TemporaryDirectory(prefix="aml-kubeconfig-") as directory:
        client: ApiClient = kubeconfig.new_client_from_config_dict(value, context=context, temp_file_path=directory)
        _keep_certificates(client)
    return client


def _keep_certificates(client: ApiClient) -> None:
    """Load what the temporary files hold before they go: the connection pool reads them when it first connects."""
    import ssl  # noqa: PLC0415  likewise

    settings = client.configuration
    context = ssl.create_default_context(cafile=settings.ssl_ca_cert or None)
    if not settings.verify_ssl:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    pool = client.rest_client.pool_manager
    pool.connection_pool_kw.update(ssl_context=context)
    for name in ("ca_certs", "cert_file", "key_file", "cert_reqs"):
        pool.connection_pool_kw.pop(name, None)
