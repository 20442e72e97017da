"""How images are called: ``HOST/REPOSITORY:TAG``."""

from __future__ import annotations

from aml_plugins.errors import InvalidInputError

__all__ = ["split_reference"]


def split_reference(reference: str) -> tuple[str, str, str]:
    """Return host, repository and tag or digest.

    :raises InvalidInputError: for a name without a host: there is no registry that all names mean.
    """
    place, at, digest = reference.partition("@")
    host, slash, rest = place.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        raise InvalidInputError(
            f"'{reference}' is neither a file nor an image with its registry.", "Write HOST/REPOSITORY:TAG."
        )
    repository, colon, tag = rest.rpartition(":")
    if at:
        return host, repository or rest, digest
    return (host, repository, tag) if colon else (host, rest, "latest")
