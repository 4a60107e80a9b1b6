"""What happens between opening a model and saying "ready": one synthetic run, and a measurement of what a run costs.

zeros of every input (dynamic axes 1) ─▶ run ─▶ is it light enough to run on the event loop?

A Python hook gets the bundle's sample request instead, if there is one: code of the user's may rightly refuse zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

from mldeploy.handlers import predict
from mldeploy.handlers.manifest import ImagePreprocess, Manifest
from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import ITEM_SIZE_BYTES, Tensor, TensorSpec, element_count

# Above this a run inline would hold up every other connection for longer than the hop to a thread costs (about 0.1 ms).
HEAVY_RUN_S = 0.001
# The first run also pays for lazy initialisation; past this multiple it is heavy for certain and is not measured again.
_CERTAINLY = 10
_RUNS = 3

Run = Callable[[dict[str, Tensor]], object]


class Warmth(NamedTuple):
    """`run_s` is the shortest run seen, None when the model refused the synthetic input; `refusal` says why then."""

    run_s: float | None
    refusal: BaseException | None


def zeros(spec: TensorSpec) -> Tensor:
    """A neutral value for an input: zeros (empty strings), dynamic axes of size 1."""
    shape = tuple(1 if axis == -1 else axis for axis in spec.shape)
    count = element_count(shape)
    return Tensor(spec.dtype, shape, [b""] * count if spec.dtype == "BYTES" else bytes(count * ITEM_SIZE_BYTES[spec.dtype]))


def synthetic(manifest: Manifest) -> dict[str, Tensor]:
    """The inputs of the warm-up."""
    if manifest.format == "python" and "sample" in manifest.raw:
        try:
            return predict.from_json(manifest, manifest.raw["sample"])
        except Problem:  # a smoke request that is meant to be refused
            pass
    return {spec.name: zeros(spec) for spec in manifest.inputs}


def warm_up(manifest: Manifest, run: Run) -> Warmth:
    """Run the model on a synthetic input until its cost is known. A refusal is not an error: some models need real values."""
    inputs = synthetic(manifest)
    if isinstance(manifest.preprocess, ImagePreprocess):
        from mldeploy.handlers import codec_image

        codec_image.warm_up()
    shortest = float("inf")
    for _ in range(_RUNS):
        started = perf_counter()
        try:
            run(inputs)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return Warmth(None, error)
        shortest = min(shortest, perf_counter() - started)
        if shortest > _CERTAINLY * HEAVY_RUN_S:
            break
    return Warmth(shortest, None)


def is_heavy(manifest: Manifest, has_hooks: bool, warmth: Warmth, pool: str) -> bool:
    """Whether predictions belong in the pool: slow runs, image decoding, and code that is not ours (it may block for ever)."""
    if pool != "auto":
        return pool == "pool"
    if manifest.format != "onnx" or has_hooks or isinstance(manifest.preprocess, ImagePreprocess):
        return True
    return warmth.run_s is None or warmth.run_s > HEAVY_RUN_S
