"""Pins: what may be in a requirements file, whose pin wins, and that our own locks are whole."""

from __future__ import annotations

import pytest

from mldeploy.errors import SpecError
from mldeploy.image import pins
from mldeploy.image.needs import SELECTABLE

A, B = "a" * 64, "b" * 64


def test_a_file_as_uv_writes_it() -> None:
    numpy = f"Num_Py==2.0 \\\n    --hash=sha256:{B} \\\n    --hash=sha256:{A}\n    # via x\n"
    text = f"# made by uv\n{numpy}six[extra]==1 --hash=sha256:{A}\n"
    assert list(pins.parse(text, "g")) == [pins.Pin("num-py", "2.0", (A, B), "g"), pins.Pin("six", "1", (A,), "g")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("numpy>=2", "line 1: numpy>=2 is not a package pinned"),
        ("\n\nnumpy==2", "line 3: numpy has no --hash"),
        (f"numpy==2 ; sys_platform == 'linux' --hash=sha256:{A}", "numpy has a condition (sys_platform == 'linux')"),
        ("--index-url https://example.org/simple", "is not a package pinned"),
        ("-e .", "is not a package pinned"),
        ("numpy @ https://example.org/numpy.whl", "is not a package pinned"),
        (f"numpy==2 --no-binary --hash=sha256:{A}", "nothing that an image can be built with"),
        (f"numpy==2 --hash=md5:{'a' * 32}", "nothing that an image can be built with"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        list(pins.parse(text, pins.USER))
    assert said in caught.value.message
    assert "uv pip compile" in str(caught.value.hint)


def test_the_users_pin_stands_in_for_ours() -> None:
    merged = pins.merged(("numpy", "orjson"), f"NumPy==1.0 --hash=sha256:{A}\nabc==3 --hash=sha256:{B}")
    assert [(pin.name, pin.group) for pin in merged] == [("orjson", "orjson"), ("abc", "user"), ("numpy", "user")]
    assert merged[-1].version == "1.0"


@pytest.mark.parametrize("name", sorted(path.stem for path in pins.FOLDER.glob("*.txt")))
def test_our_locks_are_pinned_hashed_and_of_one_resolution(name: str) -> None:
    found = pins.group(name)
    assert found
    versions = {pin.name: pin.version for other in pins.FOLDER.glob("*.txt") for pin in pins.group(other.stem)}
    assert all(versions[pin.name] == pin.version and pin.hashes for pin in found)


def test_the_lean_engine_brings_no_numpy_and_nothing_brings_torch() -> None:
    assert [pin.name for pin in pins.group("onnxruntime-lean")] == ["onnxruntime"]
    assert [pin.name for pin in pins.group("onnxruntime")] == ["numpy", "onnxruntime"]
    everything = {pin.name for path in pins.FOLDER.glob("*.txt") for pin in pins.group(path.stem)}
    assert not everything & {"torch", "tensorflow", "pip", "setuptools"}


def test_every_group_that_a_bundle_may_need_is_locked() -> None:
    for name in SELECTABLE:
        pins.group(name)
    with pytest.raises(KeyError):
        pins.group("no-such-group")
