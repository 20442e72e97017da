"""A service for the console's pictures: two versions share its requests, and somebody calls it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aml_plugins import Image, InferenceConfig, Model, Service, Workspace
from aml_plugins.errors import AmlError

SCORE = '''\
"""Say which defects a picture shows."""

import json
import time


def init():
    print("the detector is loaded")


def run(data):
    given = json.loads(data)
    time.sleep(0.004 * len(given["pictures"]))
    if given["threshold"] > 1:
        raise ValueError("the threshold is a probability")
    found = [{"picture": name, "defect": "scratch", "probability": 0.93} for name in given["pictures"]]
    return {"defects": found if given["threshold"] < 0.93 else []}
'''
INPUT = {
    "type": "object",
    "required": ["pictures", "threshold"],
    "properties": {
        "pictures": {"type": "array", "items": {"type": "string"}, "description": "Names in the datastore."},
        "threshold": {"type": "number", "description": "The least probability."},
        "surface": {"enum": ["steel", "glass", "wood"]},
        "explain": {"type": "boolean", "description": "Whether to say where."},
    },
    "example": {"pictures": ["plate-17.png", "plate-18.png"], "threshold": 0.5},
}
NAME = "defect-detector"


@contextmanager
def called_service(workspace: Workspace, home: Path) -> Iterator[None]:
    """Keep a service with two versions, and call it while the block goes on."""
    source, model = home / "detector", home / "detector.bin"
    source.mkdir()
    model.write_bytes(b"weights")
    (source / "score.py").write_text(SCORE)
    document = {"swagger": "2.0", "paths": {}, "definitions": {"ServiceInput": INPUT}}
    (source / "swagger.json").write_text(json.dumps(document))
    inference = InferenceConfig("score.py", source, schema="swagger.json")
    images = [
        Image.create(workspace, NAME, models=[Model.register(workspace, model, "detector")], inference=inference)
        for _ in range(2)
    ]
    service = images[0].deploy(NAME, wait=True)
    over = threading.Event()
    callers = [threading.Thread(target=_call, args=(service, over, place)) for place in range(3)]
    try:
        service.update(image=images[1], traffic=20, wait=True)
        for caller in callers:
            caller.start()
        yield
    finally:
        over.set()
        for caller in callers:
            caller.join()
        service.delete()


def _call(service: Service, over: threading.Event, place: int) -> None:
    number = 0
    while not over.wait(0.02 + 0.01 * (number % 5)):
        number += 1
        threshold = 2 if place == 0 and number % 40 == 0 else 0.5
        with suppress(AmlError):
            service.run({"pictures": ["plate.png"] * (1 + number % 4), "threshold": threshold})
