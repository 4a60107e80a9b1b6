"""ModelSpec: what the user said, validated and frozen. The YAML keys are the field names; units are in the names.

A value that depends on the cloud has no default here (None): the provider's plan decides it, and says so.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"
ENV_NAME_PATTERN = r"^[A-Z_][A-Z0-9_]{0,127}$"


class Section(BaseModel):
    """Base of every section: frozen, strict, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NoPreprocess(Section):
    """The request's tensors go to the model as they are."""

    kind: Literal["none"] = "none"


class ImagePreprocess(Section):
    """Image bytes -> the model's input: ((pixel / scale) - mean) / std, laid out as `layout`.

    Decoding, EXIF orientation, resize and crop run in the runtime; scaling, mean/std and layout become graph operators.
    """

    kind: Literal["image"]
    size: Annotated[tuple[int, int], Field(strict=False)] = Field(description="height and width that the model takes, px")
    resize: Literal["shorter_side", "stretch", "fit", "none"] = "shorter_side"
    resize_to: int | None = Field(default=None, ge=1, le=8192, description="px of the shorter side before the crop; "
                                  "default: the larger of height and width")
    filter: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bilinear"
    color: Literal["RGB", "BGR", "L"] = "RGB"
    scale: float = Field(default=255.0, gt=0, description="divides the 0..255 pixel values first; 1 keeps them")
    mean: float | list[float] = Field(default=0.0, description="per channel or one for all, after scaling")
    std: float | list[float] = Field(default=1.0, description="per channel or one for all, after scaling")
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    pad: int = Field(default=0, ge=0, le=255, description="grey value of the border that `fit` adds")
    decode: Literal["exact", "fast"] = Field(default="exact", description="fast lets the JPEG decoder scale down first")
    input: str | None = Field(default=None, description="the model input that takes the image; default: the only one")


class ColumnSpec(Section):
    """One column of a tabular model. `dtype` defaults to what the model's input takes."""

    name: str = Field(min_length=1)
    dtype: Literal["float", "int", "bool", "string"] | None = None


class TabularPreprocess(Section):
    """Named columns -> tensors. One model input takes all columns in this order, or each column has the input of its name."""

    kind: Literal["tabular"]
    columns: list[str | ColumnSpec] = Field(min_length=1)


Preprocess = Annotated[NoPreprocess | ImagePreprocess | TabularPreprocess, Field(discriminator="kind")]


class NoPostprocess(Section):
    """The model's outputs are the answer."""

    kind: Literal["none"] = "none"


class SoftmaxPostprocess(Section):
    """Turn logits into probabilities along the last axis."""

    kind: Literal["softmax"]
    output: str | None = Field(default=None, description="the model output meant; default: the only float output")


class TopKPostprocess(Section):
    """The k best classes of each row, with their labels when the model has some."""

    kind: Literal["top_k"]
    k: int = Field(default=5, ge=1, le=1000)
    softmax: bool = Field(default=False, description="apply softmax first (the output holds logits)")
    output: str | None = Field(default=None, description="the model output meant; default: the only float output")


Postprocess = Annotated[NoPostprocess | SoftmaxPostprocess | TopKPostprocess, Field(discriminator="kind")]


class TensorSection(Section):
    """A declared input or output, for formats that cannot be inspected (`python`). -1 is a dynamic axis."""

    name: str = Field(min_length=1)
    dtype: Literal["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"]
    shape: list[int]


class ModelSection(Section):
    """The model file and what surrounds it. Paths are relative to the spec file."""

    path: str | None = Field(default=None, description="the model file; a `python` model may do without")
    format: Literal["onnx", "sklearn", "python"] | None = Field(default=None, description="default: from the file")
    labels: str | list[str] | None = Field(default=None, description="class names: a file with one a line, or a list")
    preprocess: Preprocess = NoPreprocess()
    postprocess: Postprocess = NoPostprocess()
    hook: str | None = Field(default=None, description="a Python file with load/predict (python) or preprocess/postprocess")
    inputs: list[TensorSection] | None = Field(default=None, description="signature of a `python` model")
    outputs: list[TensorSection] | None = Field(default=None, description="signature of a `python` model")
    trust_pickle: bool = Field(default=False, description="load pickle-based files; they can run any code")
    convert: bool = Field(default=True, description="scikit-learn: convert to ONNX; false runs scikit-learn itself")
    parity_data: str | None = Field(default=None, description="rows (.csv with a header, or .npy) for the parity check")
    parity_tolerance: float | None = Field(default=None, gt=0, description="largest allowed absolute difference")


class Resources(Section):
    """Size and scale. None means: the provider's default, shown by `mldeploy preview`."""

    memory_mb: int | None = Field(default=None, ge=1)
    timeout_s: float | None = Field(default=None, gt=0, strict=False)
    concurrency: int | None = Field(default=None, ge=1)
    min_instances: int | None = Field(default=None, ge=0)
    max_instances: int | None = Field(default=None, ge=1)
    architecture: Literal["x86_64", "arm64"] | None = None
    ephemeral_mb: int | None = Field(default=None, ge=1)


class Smoke(Section):
    """A request with a known answer, sent to every new release before it serves.

    Either `inputs` (JSON, as in POST /predict) or `file` (an image, a CSV or a JSON file). `expect` is compared with the
    answer: objects by the keys given, lists by length and order, numbers within `tolerance` (absolute).
    """

    name: str | None = None
    inputs: Any = None
    file: str | None = None
    status: int = Field(default=200, ge=100, le=599)
    expect: Any = None
    tolerance: float = Field(default=1e-4, ge=0, strict=False)


class ModelSpec(Section):
    """The whole file, with one stage's overlay applied."""

    version: Literal[1]
    name: str = Field(pattern=NAME_PATTERN, description="lower-case letters, digits and '-', at most 40")
    model: ModelSection
    resources: Resources = Resources()
    access: Literal["private", "key", "public"] = "private"
    env: dict[Annotated[str, Field(pattern=ENV_NAME_PATTERN)], str] = {}
    secrets: dict[Annotated[str, Field(pattern=ENV_NAME_PATTERN)], str | None] = Field(
        default={}, description="name -> reference (env:NAME, file:PATH, or the provider's own); never a value")
    smoke: list[Smoke] = []
    clouds: dict[str, dict[str, Any]] = Field(default={}, description="each provider's own settings")
    stages: dict[Annotated[str, Field(pattern=NAME_PATTERN)], dict[str, Any]] = Field(
        default={}, description="overlays merged over the rest: anything but name, version and stages")
    tags: dict[str, str] = {}
