"""The synthetic run before "ready", and what follows from its duration."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep

import pytest

from mldeploy.handlers import codec_image, warmup
from mldeploy.handlers.manifest import ImagePreprocess, Manifest
from mldeploy.handlers.tensor import Tensor, TensorSpec
from mldeploy.handlers.warmup import Warmth


def test_zeros_fit_every_dtype() -> None:
    assert warmup.zeros(TensorSpec("x", "FP32", (-1, 3))) == Tensor("FP32", (1, 3), bytes(12))
    assert warmup.zeros(TensorSpec("x", "BYTES", (-1, 2))) == Tensor("BYTES", (1, 2), [b"", b""])
    assert warmup.zeros(TensorSpec("x", "INT64", ())) == Tensor("INT64", (), bytes(8))


def test_a_quick_model_is_measured_a_few_times(make_manifest: Callable[..., Manifest]) -> None:
    runs: list[dict[str, Tensor]] = []
    warmth = warmup.warm_up(make_manifest(), runs.append)
    assert len(runs) == 3
    assert runs[0] == {"x": Tensor("FP32", (1, 4), bytes(16))}
    assert warmth.refusal is None
    assert warmth.run_s is not None
    assert warmth.run_s < 0.01


def test_a_hook_is_warmed_up_with_the_sample(make_manifest: Callable[..., Manifest]) -> None:
    manifest = make_manifest(format="python", sample=[[1, 2, 3, 4]])
    assert list(memoryview(warmup.synthetic(manifest)["x"].data).cast("f")) == [1.0, 2.0, 3.0, 4.0]
    refused = make_manifest(format="python", sample=[["not a number"]])
    assert warmup.synthetic(refused) == {"x": Tensor("FP32", (1, 4), bytes(16))}


def test_a_slow_model_is_run_once(make_manifest: Callable[..., Manifest]) -> None:
    runs = []
    warmth = warmup.warm_up(make_manifest(), lambda inputs: (runs.append(inputs), sleep(0.02)))
    assert len(runs) == 1
    assert warmth.run_s is not None
    assert warmth.run_s >= 0.02


@pytest.mark.parametrize("error", [ValueError, SystemExit, MemoryError])
def test_a_refusal_is_kept_not_raised(make_manifest: Callable[..., Manifest], error: type[BaseException]) -> None:
    def refuse(inputs: dict[str, Tensor]) -> None:
        raise error("not zeros")

    warmth = warmup.warm_up(make_manifest(), refuse)
    assert warmth.run_s is None
    assert isinstance(warmth.refusal, error)


def test_an_interrupt_is_no_refusal(make_manifest: Callable[..., Manifest]) -> None:
    def interrupt(inputs: dict[str, Tensor]) -> None:
        raise KeyboardInterrupt

    manifest = make_manifest()
    with pytest.raises(KeyboardInterrupt):
        warmup.warm_up(manifest, interrupt)


PICTURE = {**ImagePreprocess("x", 8, 6, "stretch", 8, "bilinear", "RGB", 0, "exact")._asdict(), "kind": "image"}


def test_an_image_model_decodes_a_picture(make_manifest: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(codec_image, "warm_up", lambda: calls.append(1))
    warmup.warm_up(make_manifest(preprocess=PICTURE), lambda inputs: None)
    assert calls == [1]


@pytest.mark.parametrize(
    ("changes", "has_hooks", "run_s", "pool", "is_heavy"),
    [
        ({}, False, 0.0005, "auto", False),
        ({}, False, 0.005, "auto", True),
        ({}, False, None, "auto", True),
        ({}, True, 0.0005, "auto", True),
        ({"format": "python"}, False, 0.0005, "auto", True),
        ({"format": "sklearn"}, False, 0.0005, "auto", True),
        ({"preprocess": PICTURE}, False, 0.0005, "auto", True),
        ({"preprocess": PICTURE}, True, None, "inline", False),
        ({}, False, 0.0005, "pool", True),
    ],
)
def test_heavy_is_what_is_slow_or_not_ours(
    make_manifest: Callable[..., Manifest],
    changes: dict[str, object],
    has_hooks: bool,
    run_s: float | None,
    pool: str,
    is_heavy: bool,
) -> None:
    assert warmup.is_heavy(make_manifest(**changes), has_hooks, Warmth(run_s, None), pool) is is_heavy
