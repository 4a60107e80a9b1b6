"""ModelSpec: what the user said, validated and frozen. The YAML keys are the field names; units are in the names.

A value that depends on the cloud has no default here (None): the provider's plan decides it, and says so.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"
ENV_NAME_PATTERN = r"^[A-Z_][A-Z0-9_]{0,127}$"

Pixels = Annotated[int, Field(ge=1, le=8192)]


class Section(BaseModel):
    """Base of every section: frozen, strict, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NoPreprocess(Section):
    """The request's tensors go to the model as they are."""

    kind: Literal["none"] = Field(default="none", description="the request's tensors go to the model as they are")


class ImagePreprocess(Section):
    """Image bytes -> the model's input: ((pixel / scale) - mean) / std, laid out as `layout`.

    Decoding, EXIF orientation, resize and crop run in the runtime; scaling, mean/std and layout become graph operators.
    """

    kind: Literal["image"] = Field(description="JPEG, PNG or WebP in")
    size: Annotated[tuple[Pixels, Pixels], Field(strict=False)] = Field(description="height and width that the model takes, px")
    resize: Literal["shorter_side", "stretch", "fit", "none"] = Field(
        default="shorter_side", description="shorter_side: then crop the centre; stretch: ignore the aspect; fit: add a border"
    )
    resize_to: int | None = Field(
        default=None,
        ge=1,
        le=8192,
        description="px of the shorter side before the crop; default: the larger of height and width",
    )
    filter: Literal["nearest", "bilinear", "bicubic", "lanczos"] = Field(
        default="bilinear", description="how pixels are interpolated"
    )
    color: Literal["RGB", "BGR", "L"] = Field(default="RGB", description="order of the channels; L is one grey channel")
    scale: float = Field(default=255.0, gt=0, description="divides the 0..255 pixel values first; 1 keeps them")
    mean: float | list[float] = Field(default=0.0, description="per channel or one for all, after scaling")
    std: float | list[float] = Field(default=1.0, description="per channel or one for all, after scaling")
    layout: Literal["NCHW", "NHWC"] = Field(default="NCHW", description="order of the model input's axes")
    pad: int = Field(default=0, ge=0, le=255, description="grey value of the border that `fit` adds")
    decode: Literal["exact", "fast"] = Field(default="exact", description="fast lets the JPEG decoder scale down first")
    input: str | None = Field(default=None, description="the model input that takes the image; default: the only one")


class ColumnSpec(Section):
    """One column of a tabular model. `dtype` defaults to what the model's input takes."""

    name: str = Field(min_length=1, description="the column's name, as in the CSV header")
    dtype: Literal["float", "int", "bool", "string"] | None = Field(
        default=None, description="what its values are; default: what the model's input takes"
    )


class TabularPreprocess(Section):
    """Named columns -> tensors. One model input takes all columns in this order, or each column has the input of its name."""

    kind: Literal["tabular"] = Field(description="rows with named columns in, as JSON or CSV")
    columns: list[Annotated[str, Field(min_length=1)] | ColumnSpec] = Field(
        min_length=1, description="names, or maps with `name` and `dtype`, in the model's order"
    )


Preprocess = Annotated[NoPreprocess | ImagePreprocess | TabularPreprocess, Field(discriminator="kind")]


class NoPostprocess(Section):
    """The model's outputs are the answer."""

    kind: Literal["none"] = Field(default="none", description="the model's outputs are the answer")


class SoftmaxPostprocess(Section):
    """Turn logits into probabilities along the last axis."""

    kind: Literal["softmax"] = Field(description="logits -> probabilities")
    output: str | None = Field(default=None, description="the model output meant; default: the only float output")


class TopKPostprocess(Section):
    """The k best classes of each row, with their labels when the model has some."""

    kind: Literal["top_k"] = Field(description="the k best classes with label and score")
    k: int = Field(default=5, ge=1, le=1000, description="how many classes")
    softmax: bool = Field(default=False, description="apply softmax first (the output holds logits)")
    output: str | None = Field(default=None, description="the model output meant; default: the only float output")


Postprocess = Annotated[NoPostprocess | SoftmaxPostprocess | TopKPostprocess, Field(discriminator="kind")]


class TensorSection(Section):
    """A declared input or output, for formats that cannot be inspected (`python`). -1 is a dynamic axis."""

    name: str = Field(min_length=1, description="the tensor's name")
    dtype: Literal[
        "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"
    ] = Field(description="a datatype of the Open Inference Protocol")
    shape: list[Annotated[int, Field(ge=-1)]] = Field(description="sizes of the axes; -1 is a dynamic one")


class ModelSection(Section):
    """The model file and what surrounds it. Paths are relative to the spec file."""

    path: str | None = Field(default=None, description="the model file; a `python` model may do without")
    format: Literal["onnx", "sklearn", "python"] | None = Field(default=None, description="default: from the file")
    labels: str | list[str] | None = Field(default=None, description="class names: a file with one a line, or a list")
    preprocess: Preprocess = Field(default=NoPreprocess(), description="what happens to a request before the model")
    postprocess: Postprocess = Field(default=NoPostprocess(), description="what happens to the model's output")
    hook: str | None = Field(default=None, description="a Python file with load/predict (python) or preprocess/postprocess")
    inputs: list[TensorSection] | None = Field(default=None, description="signature of a `python` model")
    outputs: list[TensorSection] | None = Field(default=None, description="signature of a `python` model")
    trust_pickle: bool = Field(default=False, description="load pickle-based files; they can run any code")
    convert: bool = Field(default=True, description="scikit-learn: convert to ONNX; false runs scikit-learn itself")
    parity_data: str | None = Field(default=None, description="rows (.csv with a header, or .npy) for the parity check")
    parity_tolerance: float | None = Field(default=None, gt=0, description="largest allowed absolute difference")


class Resources(Section):
    """Size and scale. None means: the provider's default, shown by `mldeploy preview`."""

    memory_mb: int | None = Field(default=None, ge=1, description="memory of one instance, MiB")
    timeout_s: float | None = Field(default=None, gt=0, description="a request that takes longer is answered 504, s")
    concurrency: int | None = Field(default=None, ge=1, description="requests that one instance works on at once")
    min_instances: int | None = Field(default=None, ge=0, description="instances kept warm; they cost money while idle")
    max_instances: int | None = Field(default=None, ge=1, description="upper bound of scaling, and so of the bill")
    architecture: Literal["x86_64", "arm64"] | None = Field(default=None, description="instruction set of the processors")
    ephemeral_mb: int | None = Field(default=None, ge=1, description="temporary disk of one instance, MiB")


class ImageSection(Section):
    """The container image that the clouds run. Each cloud's own settings may name another base image."""

    engine: Literal["auto", "lean", "stock"] = Field(
        default="auto", description="lean: ONNX Runtime's library; stock: its Python package; auto: what the model needs"
    )
    max_mb: int | None = Field(default=None, ge=1, description="refuse an image larger than this uncompressed, MB")
    requirements: str | None = Field(
        default=None,
        description="packages of your hook: a requirements file with a hash for each, as `uv pip compile` writes it",
    )


class BellCurve(Section):
    """A day's rise and fall around its busiest hour."""

    peak_hour: float = Field(ge=0, le=24, description="the busiest time of day, hours after midnight")
    width_h: float = Field(default=12.0, ge=1, le=24, description="from the foot of the rise to the foot of the fall, hours")
    night: float = Field(default=0.0, ge=0, le=1, description="the rate outside of it, as a part of the peak")
    weekend: float = Field(default=1.0, ge=0, le=100, description="factor on Saturday and Sunday")


class WorkloadSection(Section):
    """The traffic that `mldeploy cost` reckons with. It decides nothing about the deployment."""

    requests: float | None = Field(default=None, gt=0, le=1e18, description="requests a month; or give peak_per_s")
    peak_per_s: float | None = Field(default=None, gt=0, le=1e12, description="requests a second in the busiest hour")
    curve: list[Annotated[float, Field(ge=0)]] | BellCurve | None = Field(
        default=None,
        description="relative rates by hour: 24 (a day), 168 (a week, Monday 00:00 first), or a bell; default: even",
    )
    duration_ms: float | None = Field(
        default=None, gt=0, description="time of one request; default: as measured by bench --sweep"
    )
    cpu_ms: float | None = Field(default=None, gt=0, description="processor time in it, on one whole vCPU; default: all of it")
    bytes_in: int = Field(default=0, ge=0, description="size of a request")
    bytes_out: int = Field(default=0, ge=0, description="size of an answer")
    cold_share: float | None = Field(
        default=None, ge=0, le=1, description="part of the requests that meet a cold start; default: reckoned from the traffic"
    )
    log_bytes: int = Field(default=0, ge=0, description="what one request writes to the log")


class StateSection(Section):
    """Where the clouds' deployments are recorded. Left out: on this machine, encrypted with a key that mldeploy makes."""

    backend: str | None = Field(
        default=None, description="any Pulumi backend: file://…, s3://…, gs://…, azblob://…, https://…; default: this machine"
    )
    secrets_provider: str | None = Field(
        default=None, description="what encrypts secrets in the record: passphrase, awskms://…, azurekeyvault://…, gcpkms://…"
    )


class Smoke(Section):
    """A request with a known answer, sent to every new release before it serves.

    Either `inputs` (JSON, as in POST /predict) or `file` (an image, a CSV or a JSON file). `expect` is compared with the
    answer: objects by the keys given, lists by length and order, numbers within `tolerance` (absolute).
    """

    name: str | None = Field(default=None, description="what messages call this request")
    inputs: Any = Field(default=None, description='the value of "inputs" in POST /predict')
    file: str | None = Field(default=None, description="a file sent as it is: an image, CSV or JSON; relative to the spec")
    status: int = Field(default=200, ge=100, le=599, description="the HTTP status that is expected")
    expect: Any = Field(default=None, description="the part of the answer that must match; left out: only the status counts")
    tolerance: float = Field(default=1e-4, ge=0, description="largest allowed absolute difference of numbers")


class ModelSpec(Section):
    """The whole file, with one stage's overlay applied."""

    version: Literal[1] = Field(description="version of this format")
    name: str = Field(pattern=NAME_PATTERN, description="lower-case letters, digits and '-', at most 40")
    model: ModelSection = Field(description="the model file and what surrounds it")
    resources: Resources = Field(default=Resources(), description="size and scale; left out: the provider's defaults")
    image: ImageSection = Field(default=ImageSection(), description="the container image that the clouds run")
    access: Literal["private", "key", "public"] = Field(
        default="private", description="private: the provider's own sign-in; key: an API key; public: anyone"
    )
    env: dict[Annotated[str, Field(pattern=ENV_NAME_PATTERN)], str] = Field(
        default={}, description="environment variables of the runtime, readable by everyone who sees the deployment"
    )
    secrets: dict[Annotated[str, Field(pattern=ENV_NAME_PATTERN)], str | None] = Field(
        default={}, description="name -> reference (env:NAME, file:PATH, or the provider's own); never a value"
    )
    smoke: list[Smoke] = Field(default=[], description="requests with known answers, sent before a release serves")
    clouds: dict[str, dict[str, Any]] = Field(default={}, description="each provider's own settings")
    workload: WorkloadSection | None = Field(default=None, description="the traffic that `mldeploy cost` reckons with")
    state: StateSection = Field(default=StateSection(), description="where the clouds' deployments are recorded")
    stages: dict[Annotated[str, Field(pattern=NAME_PATTERN)], dict[str, Any]] = Field(
        default={}, description="overlays merged over the rest: anything but name, version and stages"
    )
    tags: dict[str, str] = Field(default={}, description="labels put on everything that a cloud bills")
