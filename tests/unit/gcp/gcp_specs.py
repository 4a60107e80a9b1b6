"""Specs as a user writes them, loaded for Google Cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mldeploy import spec
from mldeploy.bundle.contract import Bundle
from mldeploy.plan import Plan
from mldeploy.providers.gcp.plan import plan
from mldeploy.providers.gcp.settings import GcpSettings
from mldeploy.spec.loaded import LoadedSpec

HEAD = "version: 1\nname: digits\nmodel: {path: model.onnx}\n"


def load(text: str, folder: Path, stage: str = "dev") -> LoadedSpec:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mldeploy.yaml").write_text(HEAD + text)
    (folder / "model.onnx").write_bytes(b"x")
    return spec.load(folder / "mldeploy.yaml", stage, settings_models={"gcp": GcpSettings})


def planned(text: str, folder: Path, stage: str = "dev") -> Plan:
    return plan(load(text, folder, stage), Bundle(folder, "digits", "ab" * 32, "onnx", (), ()))


def document(folder: Path, text: str = "clouds: {gcp: {project: shop-1}}\n") -> dict[str, Any]:
    return dict(planned(text, folder).program)
