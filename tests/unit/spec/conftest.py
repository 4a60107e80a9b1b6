"""A folder with the files that specs in these tests name, and one way to load a spec there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, field_validator

from mldeploy import spec
from mldeploy.errors import Problem, SpecError
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import Section

MINIMAL = "version: 1\nname: digits\nmodel:\n  path: model.onnx\n"


class ToySettings(Section):
    """A provider's block."""

    region: str = "eu"
    port: int = Field(default=1, ge=1, le=65535)
    zone: str = Field(default="a1", pattern="^[a-z][0-9]$")
    step: int = Field(default=64, multiple_of=64)

    @field_validator("region")
    @classmethod
    def _known(cls, region: str) -> str:
        if region == "moon":
            raise ValueError("The moon has no region")
        return region


SETTINGS: dict[str, type[BaseModel]] = {"toy": ToySettings, "local": ToySettings}
Load = Callable[..., LoadedSpec]
Faults = Callable[[str], list[Problem]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("model.onnx", "model.skops", "labels.txt", "hook.py", "cat.jpg", "rows.csv"):
        (tmp_path / name).write_text("x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Load:
    """Write the text to mldeploy.yaml and load it."""

    def loaded(text: str | bytes, stage: str | None = None) -> LoadedSpec:
        file = folder / "mldeploy.yaml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return spec.load(file, stage, settings_models=SETTINGS)

    return loaded


@pytest.fixture
def faults(load: Load) -> Faults:
    """The problems of a spec that is wrong."""

    def problems(text: str | bytes) -> list[Problem]:
        with pytest.raises(SpecError) as caught:
            load(text)
        assert caught.value.problems, caught.value.message
        return list(caught.value.problems)

    return problems
