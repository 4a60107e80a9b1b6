"""What a starting process imports: start-up is most of a cold start, and every module here is paid for by each of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mldeploy.handlers import fast_json

HEAVY = (
    "numpy",
    "PIL",
    "onnxruntime",
    "dataclasses",
    "inspect",
    "logging",
    "uuid",
    "asyncio",
    "pydantic",
    "csv",
    "zlib",
    "hmac",
    "traceback",
    "base64",
    "importlib.metadata",
    "mldeploy.handlers.page",
    "mldeploy.handlers.openapi",
)


def _run(code: str) -> str:
    # -S -I: what a site's .pth files import is not ours
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_core_is_light() -> None:
    loaded = _run("import mldeploy.handlers.core; print(*sys.modules)").split()
    assert "orjson" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_standing_in_for_modules_leaves_no_trace() -> None:
    out = _run(
        "from mldeploy.handlers import fast_json; orjson = fast_json.load(); import dataclasses, uuid, zoneinfo; "
        "print(dataclasses.dataclass, uuid.uuid4, zoneinfo.ZoneInfo, orjson is fast_json.load(), orjson.dumps([1.5, None]))"
    )
    assert "function dataclass" in out
    assert "function uuid4" in out
    assert out.endswith("True b'[1.5,null]'\n")


def test_orjson_sees_stand_ins_only_while_it_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "orjson.py").write_text("import uuid, dataclasses, zoneinfo\nseen = uuid, dataclasses, zoneinfo\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("orjson", "uuid", "dataclasses"):
        monkeypatch.delitem(sys.modules, name)
    real = __import__("zoneinfo")
    fake = fast_json.load()
    assert fake is sys.modules["orjson"] is fast_json.load()
    assert [hasattr(module, "__file__") for module in fake.seen] == [False, False, True]
    assert fake.seen[2] is real
    assert "uuid" not in sys.modules
    assert "dataclasses" not in sys.modules


def test_a_missing_orjson_says_so() -> None:
    code = (
        "from mldeploy.handlers import fast_json\n"
        "import builtins; real = builtins.__import__\n"
        "def fail(name, *rest, **more):\n"
        "    if name == 'orjson': raise ImportError('no orjson')\n"
        "    return real(name, *rest, **more)\n"
        "builtins.__import__ = fail\n"
        "try: fast_json.load()\n"
        "except ImportError as error: print(error, 'uuid' in sys.modules)\n"
    )
    assert _run(code) == "no orjson False\n"


@pytest.mark.parametrize("module", ["codec_csv", "codec_image", "codec_multipart", "codec_tabular", "hooked", "image_file"])
def test_codecs_come_with_the_first_request_that_needs_them(module: str) -> None:
    assert f"mldeploy.handlers.{module}" not in _run("import mldeploy.handlers.core; print(*sys.modules)").split()
