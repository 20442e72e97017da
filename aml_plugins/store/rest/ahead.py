"""Questions that are asked before their answers are needed: the server works while the asker still imports."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

__all__ = ["Ahead", "Question"]

_WAIT_SECONDS = 60.0


class Question(NamedTuple):
    """What a ``GET`` will ask for."""

    path: str
    query: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None


class Ahead:
    """The answers to some questions, asked one after the other by a thread that mostly waits.

    Each answer is given once. One that did not come, for whatever reason, is None: who needs it asks, and sees why.

    :param ask: sends a question, in whatever form; may raise anything.
    """

    def __init__(self, ask: Callable[[Question], BaseHTTPResponse], questions: Mapping[str, Question]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._open = dict(questions)
        self._asked = {name: threading.Event() for name in questions}
        self._answers: dict[str, BaseHTTPResponse] = {}
        threading.Thread(target=self._work, args=(list(questions),), daemon=True).start()

    def take(self, name: str) -> BaseHTTPResponse | None:
        """Return the answer, waiting for one that was asked for; None where nobody has asked yet, and nobody will."""
        with self._lock:
            asked = self._asked.pop(name, None)
            if asked is None or self._open.pop(name, None) is not None:
                return None
        asked.wait(_WAIT_SECONDS)
        return self._answers.pop(name, None)

    def _work(self, names: Sequence[str]) -> None:
        for name in names:
            with self._lock:
                question, asked = self._open.pop(name, None), self._asked.get(name)
            if question is None or asked is None:
                continue  # the asker was quicker
            try:
                self._answers[name] = self._ask(question)
            except Exception:  # noqa: BLE001  whatever it is, the asker meets it when he asks, and knows what to say
                return
            finally:
                asked.set()
