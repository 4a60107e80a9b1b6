"""Bundles of format "python": the user's load and predict, and whatever they may do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import Engine, EngineError, EngineInputError, open_engine
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import Tensor, TensorSpec

Make = Callable[..., Manifest]
X, Y = TensorSpec("x", "FP32", (-1, 2)), TensorSpec("y", "FP32", (-1,))
ROW = {"x": Tensor("FP32", (2, 2), np.array([[1, 2], [3, 4]], "f4").tobytes())}
EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def hooked(bundle: Make) -> Make:
    def make(code: str, inputs: tuple[TensorSpec, ...] = (X,), outputs: tuple[TensorSpec, ...] = (Y,)) -> Manifest:
        manifest = bundle(b"", inputs, outputs, format="python", hook="hook.py")
        (manifest.root / "hook.py").write_text(code)
        return manifest

    return make


def run(manifest: Manifest, row: dict[str, Tensor] = ROW) -> dict[str, Tensor]:
    engine = open_engine(manifest, ServingConfig())
    try:
        return engine.run(row, 30.0)
    finally:
        engine.close()


def test_load_and_predict(hooked: Make) -> None:
    manifest = hooked(
        "def load(model_dir):\n    return float((model_dir / 'scale.txt').read_text())\n"
        "def predict(model, inputs):\n    inputs['x'] *= model\n    return {'y': inputs['x'].sum(axis=1)}\n"
    )
    (manifest.root / "scale.txt").write_text("10")
    assert run(manifest) == {"y": Tensor("FP32", (2,), np.array([30, 70], "f4").tobytes())}
    assert np.frombuffer(ROW["x"].data, "f4").tolist() == [1, 2, 3, 4]  # the hook wrote to a copy


def test_one_output_needs_no_dict_and_load_is_optional(hooked: Make) -> None:
    assert run(hooked("def predict(model, inputs):\n    return [float(len(inputs['x'])), model or 0.5]"))["y"].data == (
        np.array([2, 0.5], "f4").tobytes()
    )


def test_strings_and_every_dtype_come_and_go(hooked: Make, models: object) -> None:
    from mldeploy.handlers.engines.arrays import NUMPY_DTYPES

    specs = tuple(TensorSpec(name.lower(), name, (-1,)) for name in [*NUMPY_DTYPES, "BYTES"])
    row = {spec.name: models.random(spec.dtype, (3,)) for spec in specs[:-1]}  # type: ignore[attr-defined]
    row["bytes"] = Tensor("BYTES", (3,), [b"", "ü".encode(), b"\xff\xfe"])
    assert run(hooked("def predict(model, inputs):\n    return inputs", specs, specs), row) == row


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("None", "y is object, which cannot be given as the declared FP32"),
        ("{}", r"predict returned \[\]; the declared outputs are \['y'\]"),
        ("{'y': [0.0], 'z': 1}", r"predict returned \['y', 'z'\]"),
        ("{'y': [[0.0]]}", r"y has shape \[1, 1\]; declared is \[-1\]"),
        ("{'y': ['a']}", "y is <U1, which cannot be given as the declared FP32"),
        ("{'y': [1j]}", "y is complex128"),
        ("[[1.0], [2.0, 3.0]]", "y is not an array"),
    ],
)
def test_an_output_that_was_not_declared_so_is_refused(hooked: Make, returned: str, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        run(hooked(f"def predict(model, inputs):\n    return {returned}"))


def test_several_outputs_need_a_dict(hooked: Make) -> None:
    with pytest.raises(EngineError, match="predict returned a list; with several outputs it must return a dict"):
        run(hooked("def predict(model, inputs):\n    return [1]", outputs=(Y, Y._replace(name="z"))))


def test_numbers_are_not_text_and_fixed_axes_count(hooked: Make) -> None:
    with pytest.raises(EngineError, match="y is int64; the declared BYTES takes strings"):
        run(hooked("def predict(model, inputs):\n    return [1]", outputs=(TensorSpec("y", "BYTES", (-1,)),)))
    with pytest.raises(EngineError, match=r"y has shape \[1\]; declared is \[3\]"):
        run(hooked("def predict(model, inputs):\n    return [1.0]", outputs=(TensorSpec("y", "FP32", (3,)),)))


@pytest.mark.parametrize(
    ("statement", "message", "cause"),
    [
        ("raise ValueError('no such row')", "hook.py:2: ValueError: no such row", ValueError),
        ("raise SystemExit(3)", "hook.py:2: SystemExit: 3", SystemExit),
        ("import sys; sys.exit()", "hook.py:2: SystemExit", SystemExit),
        ("return 1 / 0", "hook.py:2: ZeroDivisionError: division by zero", ZeroDivisionError),
        ("return predict(model, inputs)", "hook.py:2: RecursionError", RecursionError),
        ("raise BaseException", "hook.py:2: BaseException", BaseException),
    ],
)
def test_whatever_predict_raises_is_an_engine_error(hooked: Make, statement: str, message: str, cause: type) -> None:
    with pytest.raises(EngineError, match=message) as caught:
        run(hooked(f"def predict(model, inputs):\n    {statement}"))
    assert type(caught.value.__cause__) is cause


def test_an_interrupt_is_not_swallowed(hooked: Make) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(hooked("def predict(model, inputs):\n    raise KeyboardInterrupt"))


def test_prints_do_no_harm(hooked: Make, capsys: pytest.CaptureFixture[str]) -> None:
    code = "print('imported')\ndef predict(model, inputs):\n    print('predicting')\n    return [0.0]"
    assert run(hooked(code))["y"].shape == (1,)
    assert capsys.readouterr().out == "imported\npredicting\n"


def test_inputs_are_checked_first(hooked: Make) -> None:
    with pytest.raises(EngineInputError, match="x: axis 1 is 3"):
        run(hooked("def predict(model, inputs):\n    raise AssertionError"), {"x": Tensor("FP32", (1, 3), bytes(12))})


def test_load_may_fail(hooked: Make) -> None:
    with pytest.raises(EngineError, match=r"hook.py:2: FileNotFoundError"):
        run(hooked("def load(model_dir):\n    open(model_dir / 'nothing')\ndef predict(model, inputs): ..."))


def test_predict_is_needed_and_bfloat16_has_no_arrays(hooked: Make, bundle: Make) -> None:
    with pytest.raises(EngineError, match=r"hook.py defines no function predict\(model, inputs\)"):
        run(hooked("def load(model_dir): ..."))
    with pytest.raises(EngineError, match="the bundle defines no function predict"):
        run(bundle(b"", (X,), (Y,), format="python"))
    with pytest.raises(EngineError, match="x is BF16; arrays can be BYTES, BOOL"):
        run(hooked("def predict(model, inputs): ...", (TensorSpec("x", "BF16", (-1,)),)))


def test_closed_is_closed(hooked: Make) -> None:
    engine = open_engine(hooked("def predict(model, inputs):\n    return [0.0]"), ServingConfig())
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.run(ROW)


def test_the_hook_example_forecasts(bundle: Make) -> None:
    signature = (TensorSpec("history", "FP32", (-1, -1)),), (TensorSpec("forecast", "FP32", (-1, 12)),)
    manifest = bundle(b"", *signature, format="python", hook="hook.py", entry="model.json")
    for name in ("hook.py", "model.json"):
        (manifest.root / name).write_bytes((EXAMPLES / "hook" / name).read_bytes())
    engine: Engine = open_engine(manifest, ServingConfig())
    months = np.tile(np.linspace(100, 120, 12, dtype="f4"), 4)[None]
    answer = engine.run({"history": Tensor("FP32", (1, 48), months.tobytes())})["forecast"]
    assert answer.shape == (1, 12)
    assert np.allclose(np.frombuffer(answer.data, "f4"), months[0, :12], rtol=0.1)
    with pytest.raises(EngineError, match=r"hook.py:\d+: ValueError: history needs at least 24 months, got 3"):
        engine.run({"history": Tensor("FP32", (1, 3), bytes(12))})
