"""Requests as anybody may send them, without a client that corrects them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from typing import Any
from urllib.parse import quote

from aml_plugins.testing.azure_emulator import AzureEmulator
from aml_plugins.testing.jobs import wait_until

__all__ = ["Asking", "differences"]

_GOING_ON = 202


class Asking:
    """Sends anything and returns status, headers and what was answered: JSON, or what came instead.

    :param reason: of the last answer, as the service phrased it.
    """

    def __init__(self, emulator: AzureEmulator) -> None:
        self.emulator = emulator
        self.reason = ""

    def __call__(self, verb: str, path: str, body: object = None, **headers: str) -> tuple[int, Message, object]:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        url = path if path.startswith("http") else self.emulator.url + quote(path, safe="/?&=$%:")
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url, data, {"Content-Type": "application/json", **names}, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, found, content, self.reason = answer.status, answer.headers, answer.read(), answer.reason
        except urllib.error.HTTPError as error:
            status, found, content, self.reason = error.code, error.headers, error.read(), error.reason
        return status, found, json.loads(content) if content else None

    def refused(self, verb: str, path: str, body: object = None, **headers: str) -> tuple[int, object]:
        """Return the status and the code."""
        status, _, said = self(verb, path, body, **headers)
        assert said is None or isinstance(said, dict)
        return status, (said or {}).get("code") or ((said or {}).get("error") or {}).get("code")

    def followed(self, place: str) -> tuple[int, Any, Any]:
        """Follow an operation to its end by one header alone, as the service told it at each step."""
        answers: list[tuple[int, Any, Any]] = [(_GOING_ON, {"Location": place}, None)]

        def is_over() -> bool:
            answers.append(self("GET", answers[-1][1]["Location"]))
            return answers[-1][0] != _GOING_ON

        wait_until(is_over)
        assert all(said is None for _, _, said in answers[:-1])
        assert all(headers["Retry-After"] for _, headers, _ in answers[1:-1])
        return answers[-1]


def differences(expected: Any, found: Any, where: str = "") -> list[str]:
    """Return what of ``expected`` is not so; a member that is ... is there, one that is None is absent."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return [
            problem for name, value in expected.items() for problem in _member(value, found, name, f"{where}/{name}")
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [
            problem
            for at, pair in enumerate(zip(expected, found, strict=True))
            for problem in differences(*pair, f"{where}/{at}")
        ]
    return [] if expected == found else [f"{where}: {expected!r} was recorded, not {found!r}"]


def _member(expected: Any, found: Mapping[str, Any], name: str, where: str) -> list[str]:
    if expected is None:
        return [f"{where}: was not recorded, but {found[name]!r} is here"] if name in found else []
    if name not in found:
        return [f"{where}: was recorded"]
    return [] if expected is ... else differences(expected, found[name], where)
