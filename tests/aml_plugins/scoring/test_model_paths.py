"""Where ``Model.get_model_path`` of azureml-core looks, so do we: its order, without a server around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aml_plugins.scoring.model_paths import Model, ModelNotFoundException


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AML_APP_ROOT", "AZUREML_MODEL_DIR"):
        monkeypatch.delenv(name, raising=False)
    (work := tmp_path / "work").mkdir()
    monkeypatch.chdir(work)
    return work


def write(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return str(path)


def test_the_application_s_models_come_before_files_here(here, tmp_path, monkeypatch):
    (here / "iris").touch()
    assert Model.get_model_path("iris") == "iris"
    below = write(here / "azureml-models" / "iris" / "2" / "m.pkl")
    assert Model.get_model_path("iris") == str(Path(below).relative_to(here))
    monkeypatch.setenv("AML_APP_ROOT", str(tmp_path / "app"))
    assert Model.get_model_path("iris") == "iris"
    application = write(tmp_path / "app" / "azureml-models" / "iris" / "3" / "m.pkl")
    assert Model.get_model_path("iris") == application
    assert Model.get_model_path("iris", version=7) == "iris"
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path / "several"))
    assert Model.get_model_path("iris", 3) == application
    first = write(tmp_path / "several" / "iris" / "3" / "m.pkl")
    assert Model.get_model_path("iris", 3) == first
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path / "several" / "iris" / "3"))
    assert Model.get_model_path("iris") == first


def test_what_is_nowhere_is_said_with_the_places(here):
    with pytest.raises(ModelNotFoundException, match=rf"Model rose version 2 not found in .*, or in {here}"):
        Model.get_model_path("rose", version=2)
