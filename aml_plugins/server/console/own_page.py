"""Changes are asked for by the console's own page only, whatever a browser would let others ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aml_plugins.errors import PermissionDeniedError

if TYPE_CHECKING:
    from fastapi import Request

__all__ = ["check_own_page"]

_OWN_PAGE = frozenset({"same-origin", "none"})


def check_own_page(request: Request, fix: str) -> None:
    """Refuse what another site's page asks for in a visitor's name.

    :raises PermissionDeniedError: where the browser says that it was another page.
    """
    if request.headers.get("sec-fetch-site", "none") not in _OWN_PAGE:
        raise PermissionDeniedError("Another site asked for this in your name.", fix)
