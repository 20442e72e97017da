"""Questions that are asked before their answers are needed: the server works while the asker still imports."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

__all__ = ["Ahead", "Question"]


class Question(NamedTuple):
    """What a ``GET`` will ask for."""

    path: str
    query: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None


class Ahead:
    """The answers to some questions, asked one after the other by a thread that mostly waits.

    Each answer is given once, and so is what went wrong; the questions after that are not asked any more.

    :param ask: sends a question, and does not wait for ever.
    """

    def __init__(self, ask: Callable[[Question], BaseHTTPResponse], questions: Mapping[str, Question]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._open = dict(questions)
        self._asked = {name: threading.Event() for name in questions}
        self._answers: dict[str, BaseHTTPResponse | Exception] = {}
        threading.Thread(target=self._work, args=(list(questions),), daemon=True).start()

    def take(self, name: str) -> BaseHTTPResponse | None:
        """Return the answer, waiting for it where it is under way; None where nobody has asked, and nobody will.

        :raises Exception: what ``ask`` raised.
        """
        with self._lock:
            asked = self._asked.pop(name, None)
            if asked is None or self._open.pop(name, None) is not None:
                return None
        asked.wait()
        answer = self._answers.pop(name)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _work(self, names: Sequence[str]) -> None:
        for name in names:
            with self._lock:
                question, asked = self._open.pop(name, None), self._asked.get(name)
            if question is None or asked is None:
                continue  # the asker was quicker
            try:
                self._answers[name] = self._ask(question)
            except Exception as error:  # noqa: BLE001  whatever it is, the asker knows what to do about it
                self._answers[name] = error
                return
            finally:
                asked.set()
