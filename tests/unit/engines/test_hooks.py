"""Importing the user's file, and saying where it fails."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from mldeploy.handlers.engines import EngineError
from mldeploy.handlers.hooks import Hooks, load_hooks
from mldeploy.handlers.manifest import Manifest

Make = Callable[..., Manifest]


@pytest.fixture
def hooked(bundle: Make, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr(sys, "path", list(sys.path))

    def make(code: str | bytes, name: str = "hook.py") -> Manifest:
        manifest = bundle(b"", (), (), hook=name)
        (manifest.root / name).write_bytes(code.encode() if isinstance(code, str) else code)
        return manifest

    return make


def test_no_hook_file_no_hooks(bundle: Make) -> None:
    assert load_hooks(bundle(b"", (), ())) == Hooks(None, None, None, None)


def test_the_functions_that_are_there_are_found(hooked: Make) -> None:
    hooks = load_hooks(hooked("def preprocess(inputs):\n    return {'x': inputs}\ndef postprocess(outputs): return 'ok'"))
    assert (hooks.load, hooks.predict) == (None, None)
    assert hooks.preprocess is not None
    assert hooks.preprocess(3) == {"x": 3}
    assert hooks.postprocess is not None
    assert hooks.postprocess({}) == "ok"


def test_the_module_is_private_and_two_bundles_do_not_meet(hooked: Make) -> None:
    code = "import dataclasses\n@dataclasses.dataclass\nclass A:\n    n: int = {}\ndef predict(model, inputs): return A().n"
    first, second = load_hooks(hooked(code.format(1))), load_hooks(hooked(code.format(2)))
    assert first.predict is not None
    assert second.predict is not None
    assert (first.predict(None, {}), second.predict(None, {})) == (1, 2)
    assert "hook" not in sys.modules


def test_siblings_can_be_imported_and_hide_nothing(hooked: Make) -> None:
    manifest = hooked("import json, sibling_of_hook\ndef predict(model, inputs): return json.dumps(sibling_of_hook.NAME)")
    (manifest.root / "sibling_of_hook.py").write_text("NAME = 'me'")
    (manifest.root / "json.py").write_text("raise AssertionError")
    hooks = load_hooks(manifest)
    assert hooks.predict is not None
    assert hooks.predict(None, {}) == '"me"'
    del sys.modules["sibling_of_hook"]
    assert load_hooks(manifest).predict is not None  # the folder is on the path once
    assert sys.path.count(str(manifest.root)) == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1\ndef predict(:\n", r"^hook.py:2: SyntaxError: "),
        ("\n\nimport no_such_module_at_all", "^hook.py:3: ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("from json import nothing", "^hook.py:1: ImportError: cannot import name 'nothing'"),
        ("import sys\nsys.exit('bye')", "^hook.py:2: SystemExit: bye"),
        ("def helper(): ...", "^hook.py defines none of the functions load, predict, preprocess, postprocess"),
        ("predict = 3", "^hook.py: predict is a int, not a function"),
        (b"\xff\xfe\x00", "^hook.py.*SyntaxError"),
        (b"x = '\x00'", "^hook.py.*(SyntaxError|ValueError): .*null bytes"),
    ],
)
def test_a_file_that_fails_says_where(hooked: Make, code: str | bytes, message: str) -> None:
    manifest = hooked(code)
    with pytest.raises(EngineError, match=message):
        load_hooks(manifest)


def test_a_file_that_fails_can_be_imported_again(hooked: Make) -> None:
    manifest = hooked("raise RuntimeError")
    for _ in range(2):
        with pytest.raises(EngineError, match=r"hook.py:1: RuntimeError"):
            load_hooks(manifest)
    assert f"_mldeploy_hook_{manifest.fingerprint[:16]}" not in sys.modules


def test_a_failing_sibling_is_the_one_named(hooked: Make) -> None:
    manifest = hooked("import failing_sibling\ndef predict(model, inputs): ...")
    (manifest.root / "failing_sibling.py").write_text("\n\nraise RuntimeError('no licence')")
    with pytest.raises(EngineError, match=r"^failing_sibling.py:3: RuntimeError: no licence"):
        load_hooks(manifest)


def test_a_missing_file_and_one_that_is_not_python(hooked: Make, bundle: Make) -> None:
    for manifest in (bundle(b"", (), (), hook="hook.py"), hooked("x", "hook.txt")):
        with pytest.raises(EngineError, match=r"the hook hook\.(py|txt) is not a Python file in the bundle"):
            load_hooks(manifest)
