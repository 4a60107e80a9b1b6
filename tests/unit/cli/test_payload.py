"""What the argument of `invoke` and `bench` becomes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from mldeploy.cli import payload
from mldeploy.cli.exits import UsageError
from mldeploy.cli.sample_request import SampleRequest, choose, curl
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import ModelSpec

JPEG, PNG, WEBP = b"\xff\xd8\xff\xe0rest", b"\x89PNG\r\n\x1a\nrest", b"RIFF\x00\x00\x00\x00WEBPrest"


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ('{"inputs": [[1]]}', {"inputs": [[1]]}),
        ("[[1, 2]]", {"inputs": [[1, 2]]}),
        ('{"age": 3}', {"inputs": {"age": 3}}),
        ("3", {"inputs": 3}),
    ],
)
def test_json_text(text: str, body: object) -> None:
    found = payload.read(text)
    assert json.loads(found.body) == body
    assert found.content_type == "application/json"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.jpg", JPEG, "image/jpeg"),
        ("misnamed.json", PNG, "image/png"),
        ("no-suffix", WEBP, "image/webp"),
        ("rows.csv", b"a,b\n1,2\n", "text/csv"),
        ("rows", b"a,b\n1,2\n", "text/csv"),
        ("r.json", b'{"inputs": 1}', "application/json"),
        ("text", b" [1]", "application/json"),
    ],
)
def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(content)
    for text in (f"@{name}", name):
        found = payload.read(text)
        assert found.content_type == kind
        assert found.origin == name
    if kind != "application/json":
        assert found.body == content


def test_json_files_are_sent_as_they_are_or_wrapped(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    file.write_bytes(b'{ "inputs":1 }')
    assert payload.read_file(file).body == b'{ "inputs":1 }'
    file.write_bytes(b"[[1]]")
    assert json.loads(payload.read_file(file).body) == {"inputs": [[1]]}


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(JPEG)))
    assert payload.read("@-") == payload.Payload(JPEG, "image/jpeg", "stdin")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@missing.json", "missing.json: No such file or directory"),
        ("missing.json", "is neither JSON nor a file"),
        ('{"inputs": [1,]}', "not valid JSON"),
        ("x" * 5000, "is neither JSON nor a file"),
        ("a\0b", "is neither JSON nor a file"),
    ],
)
def test_what_cannot_be_sent_says_what_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message) as caught:
        payload.read(text)
    assert "@file" in (caught.value.hint or "")


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"{not json", "is not valid JSON")])
def test_bad_files(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "r.json"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        payload.read_file(file)


def loaded(tmp_path: Path, *smoke: dict[str, object], access: str = "private") -> LoadedSpec:
    document = {"version": 1, "name": "m", "model": {"path": "m.onnx"}, "smoke": list(smoke), "access": access}
    return LoadedSpec(ModelSpec.model_validate(document), "mldeploy.yaml", tmp_path, "dev", {})


def test_which_request_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert choose(loaded(tmp_path)) == SampleRequest()
    inline = choose(loaded(tmp_path, {"inputs": [1], "status": 422}, {"inputs": [2]}))
    assert inline == SampleRequest(text='{"inputs": [2]}')
    assert inline.argument == "'{\"inputs\": [2]}'"
    assert choose(loaded(tmp_path, {"file": "cat.jpg"})).argument == "@cat.jpg"
    Path("request.json").write_text("{}")
    assert choose(loaded(tmp_path, {"file": "cat.jpg"})).argument == "@request.json"


def test_curl_lines_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    url = "http://127.0.0.1:8080"
    spec = loaded(tmp_path)
    assert curl(url, SampleRequest(tmp_path / "request.json"), "") == (
        "curl -s http://127.0.0.1:8080/predict -H 'content-type: application/json' -d @request.json"
    )
    assert curl(url, SampleRequest(tmp_path / "my cat.jpg"), "").endswith(
        "-H 'content-type: image/jpeg' --data-binary @'my cat.jpg'"
    )
    assert curl(url, SampleRequest(text='{"inputs": 1}'), "$KEY") == (
        "curl -s http://127.0.0.1:8080/predict -H \"authorization: Bearer $KEY\" -H 'content-type: application/json' "
        "-d '{\"inputs\": 1}'"
    )
    assert curl(url, SampleRequest(text="[" + "1," * 500 + "1]"), "").endswith("-d @request.json")
    assert spec.spec.access == "private"
