"""Files that the caller names for an image, looked at before anything is written."""

from __future__ import annotations

import ssl
from pathlib import Path

from aml_plugins.errors import InvalidInputError
from aml_plugins.images.base_images import HOST_PYTHON

__all__ = ["given_base", "given_certificates"]

_PATHS = (".", "/", "~")


def given_base(reference: str | None) -> str | None:
    """Return a base image's reference; a path as whoever finishes the build finds it, from any directory.

    :raises InvalidInputError: for a path where nothing is.
    """
    if reference is None or reference == HOST_PYTHON:
        return reference
    path = Path(reference).expanduser()
    if path.exists():
        return str(path.absolute())
    if reference.startswith(_PATHS) or reference.endswith(".tar"):
        raise InvalidInputError(
            f"There is no base image '{reference}'.",
            "Name an OCI layout, a directory or a tar file, or HOST/REPOSITORY:TAG.",
        )
    return reference


def given_certificates(path: str | Path | None) -> str | None:
    """Return the text of a file of certificates.

    :raises InvalidInputError: where it cannot be read, or has no certificate.
    """
    if path is None:
        return None
    try:
        text = Path(path).read_text(encoding="utf-8")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise InvalidInputError(f"The file '{path}' has no certificates.", "They have to be in PEM's form.") from None
    except OSError as error:
        raise InvalidInputError(f"The certificates '{path}' cannot be read: {error.strerror}.") from None
    return text
