"""POST /predict: a body in one of several forms → the model's input tensors; the model's output tensors → the answer.

    application/json          {"inputs": X}    X: {input: nested lists} · nested lists · image(s) in base64 · rows or columns
    image/*, octet-stream     one image        multipart/form-data   one image a file part, or one CSV file
    text/csv                  a table

A user's preprocess hook gets X of a JSON body, or the raw bytes of any other, and returns the tensors itself; a postprocess
hook gets the output arrays and returns what stands under "outputs". Everything wrong with a request is a Problem.
"""

from __future__ import annotations

from typing import Any, Protocol

from mldeploy.handlers import codec_json, media
from mldeploy.handlers.log import clean
from mldeploy.handlers.manifest import ImagePreprocess, Manifest, TabularPreprocess
from mldeploy.handlers.message import Request
from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import Tensor, TensorSpec

JSON_TYPES = ("application/json", "")
# The registered names, what is sent instead of them, and "some bytes": the file's content decides. Others (GIF, …) are refused.
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/jpg", "image/pjpeg", "image/*", "application/octet-stream")


class Hooks(Protocol):
    """The user's optional functions, as far as POST /predict is concerned."""

    @property
    def preprocess(self) -> Any: ...

    @property
    def postprocess(self) -> Any: ...


def decode_predict(manifest: Manifest, hooks: Hooks | None, request: Request, body: bytes) -> dict[str, Tensor]:
    """The tensors that a request stands for, each fitting its spec. `body` is free of content codings. Raises Problem."""
    header = request.headers.get("content-type", "")
    kind = media.parse(header)
    if hooks is not None and hooks.preprocess is not None:
        from mldeploy.handlers import hooked

        return hooked.preprocess(manifest, hooks.preprocess, _json_inputs(kind, body) if kind.name in JSON_TYPES else body)
    if kind.name in JSON_TYPES:
        return from_json(manifest, _json_inputs(kind, body), codec_json.holds_bools(body))
    return _from_file(manifest, kind, body)


def encode_predict(manifest: Manifest, hooks: Hooks | None, outputs: dict[str, Tensor]) -> bytes:
    """The answer's body. The same outputs give the same bytes."""
    if hooks is not None and hooks.postprocess is not None:
        from mldeploy.handlers import hooked

        return hooked.postprocess(manifest, hooks.postprocess, outputs)
    if manifest.top_k is not None:
        return codec_json.dumps({"model": manifest.name, "predictions": _best(manifest, outputs)})
    return codec_json.dumps(
        {"model": manifest.name, "outputs": {spec.name: codec_json.nested(outputs[spec.name]) for spec in manifest.outputs}}
    )


def refusal(error: BaseException) -> Problem | None:
    """The Problem that a user's preprocess or predict function means by raising ValueError: its message is for the caller.

    Any other exception of theirs is a failure, and None here: its message is for the log alone.
    """
    cause = error.__cause__
    if not isinstance(cause, ValueError):
        return None
    return Problem("invalid-input", clean(str(cause)) or "the input does not fit the model", field="inputs")


def accepted_types(manifest: Manifest) -> tuple[str, ...]:
    """The content types that POST /predict takes, for messages."""
    if isinstance(manifest.preprocess, ImagePreprocess):
        return ("application/json", "image/jpeg", "image/png", "image/webp", "application/octet-stream", "multipart/form-data")
    if isinstance(manifest.preprocess, TabularPreprocess):
        return ("application/json", "text/csv", "multipart/form-data")
    return ("application/json",)


def from_json(manifest: Manifest, value: Any, may_hold_bools: bool = True) -> dict[str, Tensor]:
    """The value of "inputs" as tensors."""
    preprocess = manifest.preprocess
    if isinstance(preprocess, TabularPreprocess):
        from mldeploy.handlers import codec_tabular

        return codec_tabular.from_json(value, preprocess, manifest.inputs)
    specs = manifest.inputs
    image = preprocess.input if preprocess is not None else ""
    if len(specs) == 1 and not (isinstance(value, dict) and "b64" not in value):
        return {specs[0].name: _one(preprocess, specs[0], value, "inputs", image, may_hold_bools)}
    if not isinstance(value, dict):
        raise Problem(
            "invalid-input",
            "the model has several inputs, and inputs is not an object",
            field="inputs",
            expected=f"an object with {', '.join(spec.name for spec in specs)}",
        )
    _check_names(value, specs)
    return {spec.name: _one(preprocess, spec, value[spec.name], f"inputs.{spec.name}", image, may_hold_bools) for spec in specs}


def _one(
    preprocess: ImagePreprocess | None, spec: TensorSpec, value: Any, field: str, image: str, may_hold_bools: bool
) -> Tensor:
    if preprocess is None or spec.name != image:
        return codec_json.tensor(value, spec, field, may_hold_bools)
    from mldeploy.handlers import codec_image

    return codec_image.from_json(value, preprocess, spec, field)


def _check_names(value: dict[str, Any], specs: tuple[TensorSpec, ...]) -> None:
    names = [spec.name for spec in specs]
    for name in value:
        if name not in names:
            raise Problem(
                "invalid-input",
                f"the model has no input {name[:80]!r}",
                field=f"inputs.{name[:80]}",
                expected=f"an object with {', '.join(names)}",
            )
    for name in names:
        if name not in value:
            raise Problem(
                "invalid-input",
                f"inputs.{name} is missing",
                field=f"inputs.{name}",
                expected=f"an object with {', '.join(names)}",
            )


def _json_inputs(kind: media.MediaType, body: bytes) -> Any:
    """The value of "inputs" in a JSON body."""
    media.check_charset(kind)
    doc = codec_json.loads(body)
    if type(doc) is not dict or "inputs" not in doc:
        raise Problem(
            "invalid-input", 'the body is not an object with the key "inputs"', field="body", expected='{"inputs": …}'
        )
    if len(doc) > 1:
        extra = next(key for key in doc if key != "inputs")
        raise Problem(
            "invalid-input", f"unknown key {extra[:80]!r} beside inputs", field=extra[:80], expected='{"inputs": …} alone'
        )
    return doc["inputs"]


def _from_file(manifest: Manifest, kind: media.MediaType, body: bytes) -> dict[str, Tensor]:
    """Tensors from a body that is one file, or holds some."""
    preprocess = manifest.preprocess
    is_multipart = kind.name == "multipart/form-data"
    if isinstance(preprocess, ImagePreprocess) and len(manifest.inputs) == 1:
        from mldeploy.handlers import codec_image

        if is_multipart:
            return {preprocess.input: codec_image.batch(_files(kind, body), preprocess, manifest.inputs[0])}
        if kind.name in IMAGE_TYPES:
            return {preprocess.input: codec_image.batch([("body", body)], preprocess, manifest.inputs[0])}
    if isinstance(preprocess, TabularPreprocess) and (is_multipart or kind.name == "text/csv"):
        from mldeploy.handlers import codec_csv

        if is_multipart:
            files = _files(kind, body)
            if len(files) != 1:
                raise Problem("invalid-input", f"the upload has {len(files)} files", field="body", expected="one CSV file")
            return codec_csv.decode(files[0][1], preprocess, manifest.inputs)
        media.check_charset(kind)
        return codec_csv.decode(body, preprocess, manifest.inputs)
    types = accepted_types(manifest)
    raise Problem(
        "unsupported-media-type",
        f"content type {kind.name[:80]!r} is not taken here",
        field="header content-type",
        expected=" or ".join(types),
        headers=(("accept-post", ", ".join(types)),),
    )


def _files(kind: media.MediaType, body: bytes) -> list[tuple[str, bytes]]:
    from mldeploy.handlers import codec_multipart

    return codec_multipart.files(body, kind.parameters.get("boundary", ""))


def _best(manifest: Manifest, outputs: dict[str, Tensor]) -> list[list[dict[str, Any]]]:
    """The k best classes of each row, best first, with labels where the model has some."""
    top_k, labels = manifest.top_k, manifest.labels
    assert top_k is not None  # noqa: S101 - the caller looked
    indices, scores = codec_json.nested(outputs[top_k.indices]), codec_json.nested(outputs[top_k.scores])
    if not labels:
        return [
            [{"index": index, "score": score} for index, score in zip(*row, strict=True)]
            for row in zip(indices, scores, strict=True)
        ]
    return [
        [
            {"label": labels[index] if 0 <= index < len(labels) else str(index), "index": index, "score": score}
            for index, score in zip(*row, strict=True)
        ]
        for row in zip(indices, scores, strict=True)
    ]
