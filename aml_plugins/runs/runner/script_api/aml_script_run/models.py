"""``Model`` inside a run: registering a file of the machine; finding one among the run's data."""

from __future__ import annotations

import os
from typing import Any

from .data_sets import data_sets
from .errors import ModelPathNotFoundException, NoSuchAttributeException, NotAvailableException
from .placeholders import INSTEAD, Placeholder
from .run import RegisteredModel, Run
from .uploads import safe_segment

FOLDER = "models"
FROM_DATA = "Name the model's files under 'data' in the run configuration, by the model's name."


class Model(metaclass=Placeholder):
    """Azure ML's ``Model``."""

    class Framework:
        """Azure ML's names of frameworks."""

        CUSTOM = "Custom"
        ONNX = "Onnx"
        PYTORCH = "PyTorch"
        SCIKITLEARN = "ScikitLearn"
        SPARK_ML = "SparkML"
        TENSORFLOW = "TensorFlow"
        TFKERAS = "TFKeras"
        MULTI = "Multi"

    def __init__(self, workspace: Any, name: str | None = None, id: str | None = None, *_: Any, **__: Any) -> None:
        self.name = str(name or id)
        self._path = self.get_model_path(self.name)

    @staticmethod
    def get_model_path(model_name: str, version: Any = None, _workspace: Any = None) -> str:
        """Return where the model's files are: the run's data of that name.

        :raises NotAvailableException: where the run configuration names none.
        """
        found = data_sets(output=False).get(model_name)
        if found is None:
            raise NotAvailableException(f"The model '{model_name}'", FROM_DATA)
        return str(found)

    def download(self, target_dir: Any = ".", exist_ok: bool = False, exists_ok: Any = None) -> str:
        """Copy the model's files to a directory; return where they are."""
        copies = data_sets(output=False)[self.name].download(target_dir, overwrite=exist_ok or bool(exists_ok))
        return str(copies[0]) if len(copies) == 1 else os.fspath(target_dir)

    @staticmethod
    def register(
        workspace: Any,
        model_path: Any,
        model_name: str,
        tags: Any = None,
        properties: Any = None,
        description: Any = None,
        datasets: Any = None,
        model_framework: Any = None,
        model_framework_version: Any = None,
        *_: Any,
        **__: Any,
    ) -> RegisteredModel:
        """Keep a file or a folder of this machine with the run; it is a model version once the run has ended.

        :raises ModelPathNotFoundException: where there is neither.
        """
        local = os.fspath(model_path)
        run: Run = Run.get_context(allow_offline=False)
        kept = f"{FOLDER}/{safe_segment(model_name)}"
        if os.path.isdir(local):
            run.upload_folder(kept, local)
        elif os.path.isfile(local):
            kept = f"{kept}/{os.path.basename(local)}"
            run.upload_file(kept, local)
        else:
            raise ModelPathNotFoundException(f"Error, provided model path {local} cannot be found")
        return run.register_model(model_name, kept, tags=tags, properties=properties)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NoSuchAttributeException(f"Model.{name}", INSTEAD["Model"])
