"""A user's preprocess and postprocess around a model: what they may return, and what becomes of their failures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., Any]

HOOK = """
import numpy as np

def preprocess(inputs):
    if isinstance(inputs, bytes):
        inputs = {"text": inputs.decode("ascii")}
    text = inputs["text"]
    if not text:
        raise ValueError("text is empty")
    if text == "odd":
        return {"x": np.zeros((1, 4)), "z": 1}
    if text == "list":
        return [1]
    if text == "shape":
        return {"x": np.zeros((1, 5))}
    if text == "silent":
        raise ValueError
    if text == "exit":
        raise SystemExit(3)
    return {"x": np.full((1, 4), float(len(text)))}

def postprocess(outputs):
    y = outputs["y"]
    y += 1
    if "%(case)s" == "object":
        return object()
    if "%(case)s" == "raise":
        raise ValueError("postprocess has no caller to blame")
    return {"scores": y, "best": y.argmax(), "set": {2, 1}, "text": b"caf\\xc3\\xa9", "nan": float("nan")}
"""


@pytest.fixture
def make_hooked(make_runtime: Make, tmp_path: Path) -> Make:
    def make(case: str = "", code: str = HOOK) -> Any:
        (tmp_path / "hook.py").write_text(code % {"case": case} if "%(" in code else code)
        return make_runtime(hook="hook.py", fingerprint=f"{hash((case, code)) & 0xFFFFFFFF:064x}")

    return make


def test_hooks_stand_around_the_model(make_hooked: Make) -> None:
    harness = make_hooked()
    assert harness.runtime.is_heavy
    for response in (harness.predict({"text": "abc"}), harness.send("POST", "/predict", b"abc", content_type="text/plain")):
        assert response.status == 200
        outputs = {"scores": [[1.0, 1.0]], "best": 0, "set": [1, 2], "text": "café", "nan": None}
        assert json.loads(response.body) == {"model": "digits", "outputs": outputs}
        inputs, _ = harness.engine.calls[-1]
        assert bytes(inputs["x"].data) == b"\x00\x00\x40\x40" * 4


def test_the_protocol_passes_the_hooks_by(make_hooked: Make) -> None:
    harness = make_hooked()
    body = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}).encode()
    response = harness.send("POST", "/v2/models/digits/infer", body, content_type="application/json")
    assert json.loads(response.body)["outputs"][0]["data"] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "status", "slug", "in_answer", "in_log"),
    [
        ("", 422, "invalid-input", "text is empty", ""),
        ("silent", 422, "invalid-input", "the input does not fit the model", ""),
        ("odd", 500, "model-failed", "the model failed", "hook.py: preprocess returned ['x', 'z']; expected a dict with x"),
        ("list", 500, "model-failed", "the model failed", "hook.py: preprocess returned list; expected a dict with x"),
        ("shape", 500, "model-failed", "the model failed", "hook.py: preprocess: "),
        ("exit", 500, "model-failed", "the model failed", "SystemExit: 3"),
        (None, 500, "model-failed", "the model failed", "TypeError"),
    ],
)
def test_a_failing_preprocess(make_hooked: Make, text: str | None, status: int, slug: str, in_answer: str, in_log: str) -> None:
    harness = make_hooked(code=HOOK.replace("if not text:", "if text == '':"))
    response = harness.predict({"text": text})
    doc = json.loads(response.body)
    assert response.status == status
    assert doc["type"].endswith(slug)
    assert in_answer in doc["detail"]
    assert in_log in harness.lines()[-1].get("traceback", "")
    if status == 422:
        assert doc["field"] == "inputs"


@pytest.mark.parametrize(
    ("case", "says"), [("object", "postprocess returned what JSON cannot hold"), ("raise", "no caller to blame")]
)
def test_a_failing_postprocess(make_hooked: Make, case: str, says: str) -> None:
    harness = make_hooked(case)
    response = harness.predict({"text": "abc"})
    assert response.status == 500
    assert json.loads(response.body)["type"].endswith("model-failed")
    assert says in harness.lines()[-1]["traceback"]
    assert b"blame" not in response.body


def test_one_hook_without_the_other(make_hooked: Make) -> None:
    harness = make_hooked(code="def preprocess(inputs):\n    import numpy\n    return {'x': numpy.ones((1, 4), 'f4')}\n")
    assert harness.predict("anything").body == b'{"model":"digits","outputs":{"y":[[0.0,0.0]]}}'
    harness = make_hooked(code="def postprocess(outputs):\n    return 'done'\n")
    assert harness.predict([1, 2, 3, 4]).body == b'{"model":"digits","outputs":"done"}'
