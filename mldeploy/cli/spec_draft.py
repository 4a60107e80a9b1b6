"""The text of a first mldeploy.yaml: what was found out about a model, with a comment wherever a person has to decide.

Pure: facts in, text out. What the text says is valid is held by `init`, which loads it before it writes it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_GENERIC = {"model", "classifier", "regressor", "pipeline", "estimator", "clf", "best", "final", "export", "network", "net"}
_MOST_EXPECTED = 64

HEAD = """\
# Written by `mldeploy init` from {model}: {description}
# Every key is described in the JSON Schema. For completion and checks in an editor: mldeploy schema > mldeploy.schema.json,
# and as the first line of this file: # yaml-language-server: $schema=mldeploy.schema.json
version: 1
name: {name}

model:
  path: {model}
"""

TAIL = """
# resources:                   # what is left out is the provider's default; `mldeploy preview -v` shows it
#   memory_mb: 512
#   timeout_s: 10
#   concurrency: 2

access: private                # private | key (callers send a key) | public
"""

STAGES = """
# stages:                      # `-e prod` lays these keys over the rest
#   prod:
#     resources: {memory_mb: 1024}
"""


@dataclass(frozen=True)
class Expected:
    """A smoke request: its file as written in the spec, and the part of the answer to hold it to (None: only the status)."""

    file: str
    expect: dict[str, Any] | None
    tolerance: float


@dataclass(frozen=True)
class Draft:
    """What the spec will say. Paths are as written in it; `notes` are lines of comment under the model's path."""

    name: str
    model: str
    description: str
    settings: dict[str, Any]
    preprocess: dict[str, Any] | None
    postprocess: dict[str, Any] | None
    notes: tuple[str, ...] = ()
    smoke: Expected | None = None


def spec_name(stem: str, folder: str) -> str:
    """A valid name from the file's own, or from its folder's when the file's says nothing ("model.onnx")."""
    for text in (stem, folder):
        name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-").lstrip("0123456789-")[:40].rstrip("-")
        if name and (name not in _GENERIC or not folder):
            return name
    return "model"


def render(draft: Draft) -> str:
    """The file."""
    parts = [HEAD.format(model=_scalar(draft.model), description=draft.description, name=draft.name)]
    parts += [f"  # {note}\n" for note in draft.notes]
    parts += [f"  {key}: {_scalar(value)}\n" for key, value in draft.settings.items()]
    if draft.preprocess is not None:
        parts.append(_section("preprocess", draft.preprocess))
        if draft.preprocess["kind"] == "image":
            parts.append(_IMAGE_NOTE)
    parts.append(_section("postprocess", draft.postprocess) if draft.postprocess is not None else _POSTPROCESS_NOTE)
    parts.append(TAIL)
    parts.append(_smoke(draft.smoke))
    parts.append(STAGES)
    return "".join(parts)


_IMAGE_NOTE = """\
    # Check these against how the model was trained: ((pixel / scale) - mean) / std, per channel
    # scale: 255
    # mean: [0.485, 0.456, 0.406]
    # std: [0.229, 0.224, 0.225]
    # resize: shorter_side       # then a centre crop | stretch | fit | none
"""
_POSTPROCESS_NOTE = """\
  # postprocess: {kind: top_k, k: 3}       # for a classifier: the likeliest classes with their labels
  # labels: labels.txt                     # one a line, in the model's order
"""
_SMOKE_NOTE = """
# smoke:                       # requests with known answers, sent to every new release before it serves
#   - file: request.json
#     expect: {outputs: {y: [[1.0]]}}
"""


def _scalar(value: Any) -> str:
    """A value in YAML's flow style, which JSON is a part of; a plain word where that is safe."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z_./][\w./-]*", value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "."}


def _section(name: str, values: dict[str, Any]) -> str:
    return f"  {name}:\n" + "".join(f"    {key}: {_scalar(value)}\n" for key, value in values.items())


def _smoke(smoke: Expected | None) -> str:
    if smoke is None:
        return _SMOKE_NOTE
    text = (
        "\nsmoke:                         # sent to every new release before it serves; the answer is the packed model's own\n"
        f"  - file: {_scalar(smoke.file)}\n"
    )
    if smoke.expect is not None:
        text += f"    expect: {json.dumps(smoke.expect, ensure_ascii=False)}\n    tolerance: {smoke.tolerance:g}\n"
    return text


def expected(file: str, answer: Any) -> Expected:
    """What to hold the answer to: labels and scores, or the numbers where they are few."""
    if isinstance(answer, dict) and isinstance(answer.get("predictions"), list):
        rows = [[_prediction(entry) for entry in row] for row in answer["predictions"]]
        return Expected(file, {"predictions": rows}, 1e-3)
    outputs = answer.get("outputs") if isinstance(answer, dict) else None
    if isinstance(outputs, dict) and sum(map(_count, outputs.values())) <= _MOST_EXPECTED:
        largest = max((abs(number) for number in _floats(outputs)), default=0.0)
        return Expected(file, {"outputs": _rounded(outputs)}, max(1e-4, float(f"{largest * 1e-4:.1g}")))
    return Expected(file, None, 1e-4)


def _prediction(entry: dict[str, Any]) -> dict[str, Any]:
    """Which class, by its label where it has one, and how likely."""
    kept = ("label" if "label" in entry else "index", "score")
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in entry.items() if key in kept}


def _count(value: Any) -> int:
    return sum(map(_count, value)) if isinstance(value, list) else 1


def _floats(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in _floats(item)]
    return [value] if isinstance(value, float) else []


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
