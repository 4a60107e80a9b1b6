"""The core: every request gets an answer, whatever is in it and whatever the model does."""

from __future__ import annotations

import gzip
import json
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mldeploy.handlers import call, core, engines
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.core import Runtime
from mldeploy.handlers.engines import EngineError, EngineInputError, EngineTimeout
from mldeploy.handlers.manifest import ManifestError
from mldeploy.handlers.message import Request, Response
from mldeploy.handlers.tensor import Tensor

Make = Callable[..., Any]
ROW = [1, 2, 3, 4]


def _problem(response: Response) -> dict[str, Any]:
    """The problem document, checked for what every one has."""
    headers = dict(response.headers)
    assert headers["content-type"] == "application/problem+json"
    doc: dict[str, Any] = json.loads(response.body)
    assert doc["status"] == response.status
    assert doc["type"].startswith("urn:mldeploy:problem:")
    assert doc["instance"] == f"urn:mldeploy:request:{headers['x-request-id']}"
    return {**doc, "slug": doc["type"].rpartition(":")[2]}


def test_a_prediction(make_runtime: Make) -> None:
    harness = make_runtime()
    first, second = (harness.predict([ROW]) for _ in range(2))
    assert first.status == 200
    assert first.body == second.body == b'{"model":"digits","outputs":{"y":[[0.0,0.0]]}}'
    headers = dict(first.headers)
    assert headers["content-type"] == "application/json"
    assert headers["x-mldeploy-start"] == "cold"
    assert dict(second.headers)["x-mldeploy-start"] == "warm"
    assert re.fullmatch(r"queue;dur=[\d.]+, decode;dur=[\d.]+, infer;dur=[\d.]+, encode;dur=[\d.]+", headers["server-timing"])
    inputs, timeout_s = harness.engine.calls[-1]
    assert inputs["x"].shape == (1, 4)
    assert 29 < timeout_s <= 30


def test_the_log_line_of_a_prediction(make_runtime: Make) -> None:
    harness = make_runtime()
    response = harness.send(
        "POST", "/predict", b'{"inputs":[1,2,3,4]}', "abc-1", perf_counter() - 0.5, content_type="application/json"
    )
    line = harness.lines()[-1]
    assert line["request_id"] == "abc-1" == dict(response.headers)["x-request-id"]
    assert (line["event"], line["level"], line["model"], line["stage"]) == ("request", "info", "digits", "dev")
    assert (line["method"], line["path"], line["route"], line["status"]) == ("POST", "/predict", "predict", 200)
    assert (line["bytes_in"], line["bytes_out"], line["start"]) == (20, len(response.body), "cold")
    assert line["ms_queue"] >= 500
    assert line["ms_total"] >= line["ms_queue"] + line["ms_decode"] + line["ms_infer"] + line["ms_encode"] - 0.01
    assert "error" not in line


def test_loading_is_logged_and_decides_where_predictions_run(make_runtime: Make) -> None:
    harness = make_runtime()
    assert harness.runtime.is_ready
    assert not harness.runtime.is_heavy
    line = harness.lines()[0]
    assert (line["event"], line["engine"], line["heavy"]) == ("loaded", "fake", False)
    assert line["ms_load"] >= 0
    assert line["ms_run"] >= 0
    assert make_runtime(ServingConfig(pool="pool")).runtime.is_heavy


def test_an_answer_does_not_wait_for_its_log_line(make_runtime: Callable[..., Any]) -> None:
    harness = make_runtime()
    before = len(harness.lines())
    request = Request("POST", "/predict", "", {"content-type": "application/json"}, b'{"inputs": [[1, 2, 3, 4]]}')
    response, account = harness.runtime.answer(request)
    assert response.status == 200
    assert len(harness.lines()) == before
    assert harness.runtime.metrics.in_flight == 1
    account.settle()
    assert harness.lines()[-1]["status"] == 200
    assert harness.runtime.metrics.in_flight == 0


def test_an_answer_that_came_too_late_is_not_booked(make_runtime: Callable[..., Any]) -> None:
    harness = make_runtime()
    before = len(harness.lines())
    _, account = harness.runtime.answer(Request("GET", "/metadata", "", {}, b""))
    account.drop()
    assert len(harness.lines()) == before
    assert harness.runtime.metrics.in_flight == 0


def test_a_fallback_is_told_in_the_log_and_in_the_metadata(
    make_runtime: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = make_runtime()
    assert "fallback_reason" not in plain.lines()[-1]
    assert b"fallback_reason" not in plain.send("GET", "/metadata").body
    monkeypatch.setattr(type(plain.engine), "fallback_reason", "strings are not carried")
    fallen = make_runtime()
    assert fallen.lines()[-1]["fallback_reason"] == "strings are not carried"
    assert b'"fallback_reason":"strings are not carried"' in fallen.send("GET", "/metadata").body


def test_a_model_that_refuses_the_warm_up_still_loads(make_runtime: Make) -> None:
    harness = make_runtime(is_loaded=False)

    def refuse(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        raise EngineError("sequence length must be even")

    harness.engine.answer = refuse
    harness.runtime.load()
    assert harness.runtime.is_ready
    assert harness.runtime.is_heavy
    warning, loaded = harness.lines()
    assert (warning["level"], warning["event"]) == ("warning", "warm-up refused")
    assert "sequence length must be even" in warning["traceback"]
    assert loaded["ms_run"] is None


def test_a_model_that_does_not_load_raises(make_runtime: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = make_runtime(is_loaded=False)

    def fail(manifest: object, config: object) -> None:
        raise EngineError("no such operator")

    monkeypatch.setattr(engines, "open_engine", fail)
    with pytest.raises(EngineError, match="no such operator"):
        harness.runtime.load()
    assert not harness.runtime.is_ready


def test_no_bundle_no_runtime(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="is not a bundle"):
        Runtime(tmp_path, ServingConfig())


def test_before_the_model_is_loaded(make_runtime: Make) -> None:
    harness = make_runtime(is_loaded=False)
    assert harness.send("GET", "/v2/health/live").status == 200
    assert harness.send("GET", "/metadata").status == 200
    for response in (
        harness.predict(ROW),
        harness.send("GET", "/v2/health/ready"),
        harness.send("GET", "/v2/models/digits/ready"),
    ):
        assert _problem(response)["slug"] == "not-ready"
        assert response.status == 503
        assert dict(response.headers)["retry-after"] == "1"
    assert b"mldeploy_ready 0\n" in harness.send("GET", "/metrics").body
    harness.runtime.close()


def test_draining_says_unready_and_still_answers(make_runtime: Make) -> None:
    harness = make_runtime()
    harness.runtime.is_ready = False
    assert harness.send("GET", "/v2/health/ready").status == 503
    assert harness.predict(ROW).status == 200
    harness.runtime.close()
    assert harness.engine.is_closed


@pytest.mark.parametrize(
    ("path", "content_type", "holds"),
    [
        ("/", "text/html; charset=utf-8", b"digits"),
        ("/metadata", "application/json", b'"engine":"fake"'),
        ("/openapi.json", "application/json", b'"openapi":"3.1'),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8", b'mldeploy_model_info{name="digits"'),
        ("/v2", "application/json", b'"extensions"'),
        ("/v2/health/live", "application/json", b'{"live":true}'),
        ("/v2/health/ready", "application/json", b'{"ready":true}'),
        ("/v2/models/digits", "application/json", b'"name":"digits"'),
        ("/v2/models/digits/versions/1", "application/json", b'"name":"digits"'),
        ("/v2/models/digits/ready", "application/json", b'{"name":"digits","ready":true}'),
        ("/v2/models/digits/versions/1/ready", "application/json", b'{"name":"digits","ready":true}'),
    ],
)
def test_documents(make_runtime: Make, path: str, content_type: str, holds: bytes) -> None:
    harness = make_runtime()
    response = harness.send("GET", path)
    assert response.status == 200
    assert dict(response.headers)["content-type"] == content_type
    assert holds in response.body
    assert "x-mldeploy-start" not in dict(response.headers)
    again = harness.send("HEAD", path)
    assert again.status == 200
    assert path == "/metrics" or again.body == response.body
    options = harness.send("OPTIONS", path)
    assert (options.status, options.body, dict(options.headers)["allow"]) == (204, b"", "GET, HEAD, OPTIONS")
    assert not harness.runtime.is_prediction(Request("GET", path, "", {}, b""))


@pytest.mark.parametrize("path", ["/predict", "/v2/models/digits/infer", "/v2/models/digits/versions/1/infer"])
def test_prediction_routes_take_post(make_runtime: Make, path: str) -> None:
    harness = make_runtime()
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "WHATEVER" * 9):
        response = harness.send(method, path)
        assert response.status == 405
        assert dict(response.headers)["allow"] == _problem(response)["expected"] == "POST, OPTIONS"
    assert harness.send("OPTIONS", path).status == 204
    assert harness.runtime.is_prediction(Request("POST", path, "", {}, b""))
    assert harness.send("POST", "/metadata").status == 405


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2/models/other", "/v2/models/digits"),
        ("/v2/models/other/infer", "/v2/models/digits"),
        ("/v2/models/digits/versions/2", "/v2/models/digits"),
        ("/predict/", "one of /, /predict"),
        ("", "one of /, /predict"),
        ("/../etc/passwd", "one of /, /predict"),
    ],
)
def test_an_unknown_path_names_the_known_ones(make_runtime: Make, path: str, expected: str) -> None:
    response = make_runtime().send("POST", path, b"{}")
    problem = _problem(response)
    assert (problem["slug"], problem["field"]) == ("not-found", "path")
    assert problem["expected"].startswith(expected)


def test_the_protocol_runs_the_same_model(make_runtime: Make) -> None:
    harness = make_runtime()
    body = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": ROW}]}
    for coding, data in ((None, json.dumps(body).encode()), ("gzip", gzip.compress(json.dumps(body).encode()))):
        headers = {"content_type": "application/json"} | ({"content_encoding": coding} if coding else {})
        response = harness.send("POST", "/v2/models/digits/infer", data, **headers)
        assert response.status == 200
        assert json.loads(response.body)["outputs"][0]["data"] == [0.0, 0.0]
        assert "server-timing" in dict(response.headers)
    assert harness.lines()[-1]["route"] == "infer"


def test_gzip_is_bounded_by_the_body_limit(make_runtime: Make) -> None:
    harness = make_runtime(ServingConfig(max_body_bytes=1000))
    body = gzip.compress(json.dumps({"inputs": ROW}).encode())
    assert harness.send("POST", "/predict", body, content_encoding="gzip").status == 200
    bomb = gzip.compress(bytes(10_000_000))
    response = harness.send("POST", "/predict", bomb, content_encoding="gzip")
    assert response.status == 413
    assert "1000 bytes" in _problem(response)["detail"]
    assert harness.send("POST", "/predict", body, content_encoding="br").status == 415


def test_a_key(make_runtime: Make) -> None:
    harness = make_runtime(ServingConfig(access="key", api_key="s3same"))
    refused = harness.predict(ROW)
    assert refused.status == 401
    assert dict(refused.headers)["www-authenticate"].startswith("Bearer")
    assert harness.send("GET", "/nothing").status == 401
    assert harness.send("OPTIONS", "/predict").status == 401
    assert harness.send("GET", "/v2/health/ready").status == 200
    assert harness.predict(ROW, x_api_key="s3same").status == 200
    assert harness.predict(ROW, authorization="Bearer s3same").status == 200
    assert harness.predict(ROW, authorization="Bearer wr0ng").status == 401
    log = json.dumps(harness.lines())
    assert "s3same" not in log
    assert "wr0ng" not in log


@pytest.mark.parametrize(
    ("error", "status", "slug", "says"),
    [
        (EngineInputError("x", "x: axis 1 is 4; it must be even"), 422, "invalid-input", "x: axis 1 is 4; it must be even"),
        (EngineTimeout("stopped"), 504, "timeout", "the prediction took longer than 30 s"),
        (EngineError("secret detail"), 500, "model-failed", "the model failed on this input"),
        (MemoryError(), 500, "model-failed", "the model failed on this input"),
        (SystemExit(3), 500, "model-failed", "the model failed on this input"),
        (RecursionError("secret detail"), 500, "model-failed", "the model failed on this input"),
        (KeyboardInterrupt(), 500, "model-failed", "the model failed on this input"),
    ],
)
def test_a_failing_model_is_a_problem(make_runtime: Make, error: BaseException, status: int, slug: str, says: str) -> None:
    harness = make_runtime()

    def fail(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        raise error

    harness.engine.answer = fail
    response = harness.predict(ROW)
    assert response.status == status
    problem = _problem(response)
    assert problem["slug"] == slug
    assert says in problem["detail"]
    assert b"secret" not in response.body
    assert b"Traceback" not in response.body
    line = harness.lines()[-1]
    assert line["error"] == slug
    assert line["level"] == ("error" if status >= 500 else "info")
    assert ("traceback" in line) == (slug == "model-failed")
    assert harness.runtime.metrics.in_flight == 0
    if slug == "invalid-input":
        assert problem["field"] == "inputs.x"


@pytest.mark.parametrize(
    ("format_name", "status", "detail"), [("python", 422, "needs 24 months"), ("onnx", 500, "the model failed")]
)
def test_a_predict_hook_may_refuse_an_input(make_runtime: Make, format_name: str, status: int, detail: str) -> None:
    harness = make_runtime(format=format_name)

    def refuse(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        raise EngineError("hook.py:58: ValueError") from ValueError("needs 24 months")

    harness.engine.answer = refuse
    response = harness.predict(ROW)
    assert response.status == status
    assert detail in _problem(response)["detail"]


def test_time_spent_waiting_counts(make_runtime: Make) -> None:
    harness = make_runtime(ServingConfig(timeout_s=2))
    response = harness.send("POST", "/predict", b'{"inputs":[1,2,3,4]}', "", perf_counter() - 3)
    assert response.status == 504
    runs = len(harness.engine.calls)
    assert harness.send("POST", "/predict", b'{"inputs":[1,2,3,4]}', "", perf_counter() - 1).status == 200
    assert len(harness.engine.calls) == runs + 1
    assert 0 < harness.engine.calls[-1][1] <= 1


def test_a_bug_in_the_runtime_is_a_problem_too(make_runtime: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = make_runtime()

    def fail(*_: object) -> bytes:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(core.predict, "encode_predict", fail)
    response = harness.predict(ROW)
    assert (response.status, _problem(response)["slug"]) == (500, "internal")
    assert b"secret" not in response.body
    assert "ZeroDivisionError: secret detail" in harness.lines()[-1]["traceback"]


def test_the_last_resort(make_runtime: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = make_runtime()

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(core, "to_response", fail)
    for response in (harness.send("GET", "/nothing"), harness.runtime.reject("too-many-requests", "busy")):
        assert response.status == 500
        assert json.loads(response.body)["type"] == "urn:mldeploy:problem:internal"
        assert "MemoryError" in harness.lines()[-1]["traceback"]
    assert harness.runtime.metrics.in_flight == 0


def test_the_servers_own_refusals_are_answers_like_others(make_runtime: Make) -> None:
    harness = make_runtime()
    runtime = harness.runtime
    response = runtime.reject(
        "too-many-requests", "64 requests wait already", "abc", method="POST", path="/predict", bytes_in=7
    )
    assert (response.status, _problem(response)["slug"]) == (429, "too-many-requests")
    assert dict(response.headers)["retry-after"] == "1"
    assert dict(response.headers)["x-request-id"] == "abc"
    line = harness.lines()[-1]
    assert (line["route"], line["status"], line["bytes_in"], line["error"]) == ("predict", 429, 7, "too-many-requests")
    slow = runtime.reject("request-timeout", "the body did not arrive", headers=(("connection", "close"),))
    assert slow.status == 408
    assert ("connection", "close") in slow.headers
    own = runtime.reject("not-ready", "draining", headers=(("retry-after", "9"),))
    assert [value for name, value in own.headers if name == "retry-after"] == ["9"]
    assert b'mldeploy_requests_total{route="predict",status="429"} 1' in harness.send("GET", "/metrics").body


@pytest.mark.parametrize("given_id", ["", "a b", "a\r\nx: y", "é", "x" * 129, "a/b", '"', "\ud800"])
def test_an_unsafe_request_id_is_replaced(make_runtime: Make, given_id: str) -> None:
    response = make_runtime().send("GET", "/v2/health/live", b"", given_id)
    assert re.fullmatch("[0-9a-f]{20}", dict(response.headers)["x-request-id"])


def test_request_ids(make_runtime: Make) -> None:
    harness = make_runtime()
    assert dict(harness.send("GET", "/", x_request_id="from-header").headers)["x-request-id"] == "from-header"
    assert (
        dict(harness.send("GET", "/", b"", "from-platform", x_request_id="from-header").headers)["x-request-id"]
        == "from-platform"
    )
    assert call.new_id() != call.new_id()


def test_many_threads_at_once(make_runtime: Make) -> None:
    harness = make_runtime()
    responses: list[Response] = []

    def work() -> None:
        responses.extend(harness.predict([ROW]) for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {response.status for response in responses} == {200}
    assert len({dict(response.headers)["x-request-id"] for response in responses}) == 200
    assert [dict(response.headers)["x-mldeploy-start"] for response in responses].count("cold") == 1
    assert harness.runtime.metrics.in_flight == 0
    assert len(harness.lines()) == 201


def test_serving_goes_on_when_the_log_cannot_be_written(make_runtime: Make) -> None:
    harness = make_runtime()
    reader, writer = os.pipe()
    os.close(reader)
    harness.runtime.log = core.Log({"model": "digits"}, writer)
    assert harness.predict(ROW).status == 200
    assert b"mldeploy_log_lines_dropped_total 1\n" in harness.send("GET", "/metrics").body
    os.close(writer)


_paths = st.sampled_from(["/", "/predict", "/v2/models/digits/infer", "/metadata", "/v2/health/ready"]) | st.text(max_size=20)
_types = st.sampled_from(
    ["application/json", "text/csv", "image/png", "multipart/form-data; boundary=x", "application/octet-stream"]
)
_headers = st.dictionaries(
    st.sampled_from(["content-type", "content-encoding", "x-request-id", "authorization", "inference-header-content-length"]),
    _types | st.sampled_from(["gzip", "12"]) | st.text(max_size=12),
)
_bodies = st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["inputs", "x", "a"]), inner, max_size=2),
).map(lambda value: json.dumps({"inputs": value}).encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS"]) | st.text(max_size=5),
    path=_paths,
    headers=_headers,
    body=_bodies,
)
def test_every_request_has_an_answer_and_a_line(
    make_runtime: Make, method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    harness = make_runtime()
    response = harness.runtime.handle(Request(method, path, "", headers, body))
    assert response.status < 500
    if response.status >= 400:
        _problem(response)
    lines = harness.lines()
    assert len(lines) == 2
    assert lines[1]["status"] == response.status
