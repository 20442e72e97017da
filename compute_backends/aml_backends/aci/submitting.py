"""A container group is created once: by whoever claims the job, for to create it again would restart its container."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from aml_backends.aci.api import RefusedError
from aml_backends.aci.plan import HIDDEN, Secrets, group_body
from aml_plugins.compute.courier import courier_orders, environment_inside
from aml_plugins.compute.image_registry import registry_password

if TYPE_CHECKING:
    from aml_backends.aci.site import Site
    from aml_plugins.compute import JobSpec
    from aml_plugins.compute.staging import Staging

__all__ = ["submit_once"]

SUBMITTER_SECONDS = 10.0
SUBMITTED = "submitted"


def submit_once(site: Site, spec: JobSpec, key: str) -> None:
    """Create the group, unless it is there, or another submitter is about to create it."""
    staging = site.staging(key)
    with ThreadPoolExecutor(1, thread_name_prefix="aml-aci") as pool:  # Azure Resource Manager takes its time
        bringing = pool.submit(_bring, spec, staging)
        is_there = site.has(key) or (not staging.claim(SUBMITTED) and _appears(site, key))
    if is_there:
        return
    try:
        _create(site, spec, key, bringing.result())
    except RefusedError:
        staging.forget()
        raise
    except Exception:  # the next try must not take this one for a submitter that is still at work
        staging.unmark(SUBMITTED)
        raise


def _bring(spec: JobSpec, staging: Staging) -> Mapping[str, str]:
    return staging.bring(spec.bundle, cache=None, environment=environment_inside(spec.environment))


def _appears(site: Site, key: str) -> bool:
    """Wait a little for another submitter; one that takes longer was killed, and the job is ours to submit."""
    until = time.monotonic() + SUBMITTER_SECONDS
    while time.monotonic() < until:
        if site.has(key):
            return True
        time.sleep(0.2)
    return False


def _create(site: Site, spec: JobSpec, key: str, files: Mapping[str, str]) -> None:
    staging = site.staging(key)
    password = registry_password(spec, site.target.secret, site.settings.registry_password)
    secrets = Secrets(courier_orders(files, staging), password or HIDDEN)
    site.api.put_group(key, group_body(site.settings, spec, key, site.target.name, secrets))
