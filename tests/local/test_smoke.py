"""Smoke requests against a real HTTP server with chosen answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machine import loaded_spec

from mldeploy.errors import SmokeError
from mldeploy.progress import SilentReporter
from mldeploy.providers.contract import Endpoint
from mldeploy.smoke import Difference, differences, run_smoke


class Service:
    """Answers every request with `answers[path]` (status, body); remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.requests: list[tuple[str, str, str | None, str | None, bytes]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                kind, key = self.headers.get("content-type"), self.headers.get("authorization")
                service.requests.append((self.command, self.path, kind, key, body))
                status, answer = service.answers.get(self.path, (404, b"nothing"))
                if status == 0:
                    return  # hang up
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def log_message(self, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/base/"

    def predicts(self, document: Any, status: int = 200) -> None:
        self.answers["/base/predict"] = (status, json.dumps(document).encode())


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield service
    service.server.shutdown()
    service.server.server_close()
    thread.join()


def run(service: Service, root: Path, *smoke: dict[str, Any]) -> int:
    loaded = loaded_spec(root, smoke=list(smoke))
    return run_smoke(loaded, Endpoint(service.url, {"authorization": "Bearer k"}), SilentReporter())


def test_inputs_and_files_are_sent_as_they_should_be(service: Service, tmp_path: Path) -> None:
    service.predicts({"outputs": {"y": [1, 2.00001]}, "more": 1})
    for name in ("a.JSON", "b.csv", "c.jpg", "d.png", "e.webp"):
        (tmp_path / name).write_bytes(b'{"inputs": 1}')
    expect = {"outputs": {"y": [1.0, 2]}}
    files = [{"file": name, "expect": expect} for name in ("a.JSON", "b.csv", "c.jpg", "d.png", "e.webp")]
    assert run(service, tmp_path, {"inputs": {"x": [1]}, "expect": expect}, *files) == 6
    assert [(one[0], one[1], one[3]) for one in service.requests] == [("POST", "/base/predict", "Bearer k")] * 6
    kinds = ["application/json", "application/json", "text/csv", "image/jpeg", "image/png", "image/webp"]
    assert [one[2] for one in service.requests] == kinds
    assert json.loads(service.requests[0][4]) == {"inputs": {"x": [1]}}
    assert service.requests[1][4] == b'{"inputs": 1}'


def test_an_expected_refusal_is_fine(service: Service, tmp_path: Path) -> None:
    service.predicts({"type": "urn:mldeploy:problem:invalid-input"}, 422)
    assert run(service, tmp_path, {"inputs": "x", "status": 422, "expect": {"type": "urn:mldeploy:problem:invalid-input"}}) == 1


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        ({"outputs": {"y": [1.5]}}, 200, "smoke request 1 (one): outputs.y[0]: expected 1.0 ± 0.1, got 1.5"),
        ({"outputs": {"y": [1.0, 2.0]}}, 200, "outputs.y: expected a list of 1, got one of 2: [1.0, 2.0]"),
        ({"outputs": {"y": 1}}, 200, "outputs.y: expected a list of 1, got 1"),
        ({"outputs": {"z": 1}}, 200, "outputs.y: expected [1.0], got no such key (there are 'z')"),
        ({"outputs": {}}, 200, "outputs.y: expected [1.0], got no such key (there are none)"),
        ({"outputs": 3}, 200, "outputs: expected an object with 'y', got 3"),
        ([1], 200, "the answer: expected an object with 'outputs', got [1]"),
        ({"outputs": {"y": [None]}}, 200, "outputs.y[0]: expected 1.0, got null"),
        ({"outputs": {"y": [True]}}, 200, "outputs.y[0]: expected 1.0, got true"),
        ({"detail": "no"}, 422, 'expected status 200, got 422: {"detail": "no"}'),
        ("x" * 1000, 500, "expected status 200, got 500: '" + "x" * 299 + "…"),
    ],
)
def test_a_difference_names_the_request_the_place_and_both_values(
    service: Service, tmp_path: Path, answer: Any, status: int, message: str
) -> None:
    service.predicts(answer, status)
    with pytest.raises(SmokeError) as caught:
        run(service, tmp_path, {"name": "one", "inputs": 1, "expect": {"outputs": {"y": [1.0]}}, "tolerance": 0.1})
    assert message in caught.value.message
    assert caught.value.exit_code == 5
    assert caught.value.__cause__ is None


def test_an_answer_that_is_no_json_is_shown_as_text(service: Service, tmp_path: Path) -> None:
    service.answers["/base/predict"] = (200, b"<html>")
    with pytest.raises(SmokeError, match="the answer: expected an object with 'a', got '<html>'"):
        run(service, tmp_path, {"inputs": 1, "expect": {"a": 1}})


def test_no_answer_is_said_with_the_time_it_took(service: Service, tmp_path: Path) -> None:
    service.answers["/base/predict"] = (0, b"")
    with pytest.raises(SmokeError, match=r"smoke request 1: no answer after \d+\.\d s: .*closed") as caught:
        run(service, tmp_path, {"inputs": 1})
    assert caught.value.__cause__ is not None


def test_files_that_cannot_be_sent_are_named(service: Service, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(SmokeError, match=r"a\.txt is of no kind that can be sent") as caught:
        run(service, tmp_path, {"file": "a.txt"})
    assert ".csv" in (caught.value.hint or "")
    with pytest.raises(SmokeError, match=r"b\.json cannot be read: No such file"):
        run(service, tmp_path, {"file": "b.json"})
    assert service.requests == []


def test_without_requests_the_signature_is_looked_at(service: Service, tmp_path: Path) -> None:
    service.answers = {"/base/v2/health/ready": (200, b"{}"), "/base/v2/models/m": (200, b'{"name": "m"}')}
    assert run(service, tmp_path) == 0
    service.answers["/base/v2/models/m"] = (200, b'{"name": "other"}')
    with pytest.raises(SmokeError, match=r'expected the signature of m, got 200: \{"name": "other"\}'):
        run(service, tmp_path)
    service.answers["/base/v2/health/ready"] = (503, b"{}")
    with pytest.raises(SmokeError, match="expected status 200, got 503"):
        run(service, tmp_path)
    service.answers["/base/v2/health/ready"] = (0, b"")
    with pytest.raises(SmokeError, match="the release does not answer"):
        run(service, tmp_path)


def test_an_unreachable_https_endpoint_is_an_answer_too(tmp_path: Path) -> None:
    loaded = loaded_spec(tmp_path, smoke=[{"inputs": 1}])
    with pytest.raises(SmokeError, match="no answer"):
        run_smoke(loaded, Endpoint("https://127.0.0.1:1"), SilentReporter())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_everything_is_as_itself_and_a_superset_of_keys_too(document: Any) -> None:
    assert list(differences(document, document, 0.0)) == []
    assert list(differences({"a": document}, {"a": document, "b": 1}, 0.0)) == []


@given(JSON, JSON)
def test_a_difference_is_found_where_values_differ(one: Any, other: Any) -> None:
    found = list(differences(one, other, 0.0))
    assert all(isinstance(difference, Difference) for difference in found)
    if isinstance(one, list) and isinstance(other, list) and len(one) != len(other):
        assert found


def test_an_empty_object_expects_an_object() -> None:
    assert list(differences({}, {"a": 1}, 0.0)) == []
    assert list(differences({}, 1, 0.0)) == [Difference("", "an object with any keys", "1")]
