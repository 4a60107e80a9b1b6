"""Reading the events of HTTP and writing their answers, without any platform."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mldeploy.handlers.message import Response
from mldeploy.providers.aws.entry import envelope, http_event
from mldeploy.providers.aws.entry.deadline import TimedRuntime
from mldeploy.providers.aws.entry.dispatch import dispatch

Runtimes = Callable[..., TimedRuntime]


def v2(path: str, stage: str = "$default", **rest: Any) -> dict[str, Any]:
    return {"rawPath": path, "requestContext": {"stage": stage, "http": {"method": "GET"}}, **rest}


@pytest.mark.parametrize(
    ("path", "stage", "read"),
    [
        ("/predict", "$default", "/predict"),
        ("/dev/predict", "dev", "/predict"),
        ("/dev", "dev", "/"),
        ("/develop/x", "dev", "/develop/x"),
        ("/dev/predict", "$default", "/dev/predict"),
        ("", "$default", "/"),
    ],
)
def test_stage_of_an_http_api(path: str, stage: str, read: str) -> None:
    assert http_event.V2.read(v2(path, stage)).path == read


@pytest.mark.parametrize(
    ("path", "whole", "read"),
    [
        ("/dev/predict", "/dev/predict", "/predict"),  # HTTP API
        ("/predict", "/dev/predict", "/predict"),  # REST API
        ("/dev/x", "/dev/dev/x", "/dev/x"),  # REST API with a resource of the stage's name
    ],
)
def test_stage_of_payload_1(path: str, whole: str, read: str) -> None:
    event = {"httpMethod": "GET", "path": path, "requestContext": {"stage": "dev", "path": whole}}
    assert http_event.V1.read(event).path == read


def test_cookies_become_one_header() -> None:
    event = v2("/", cookies=["a=1", "b=2"], headers={"X-Note": "n"})
    assert http_event.V2.read(event).headers == {"x-note": "n", "cookie": "a=1; b=2"}


def test_repeated_headers_are_joined() -> None:
    lists = {"X-Note": ["1", "2"], "x-note": ["3"], "cookie": ["a=1", "b=2"]}
    event = {"httpMethod": "GET", "path": "/", "requestContext": {}, "multiValueHeaders": lists}
    for form in (http_event.V1, http_event.ALB_MULTI):
        assert form.read(event).headers == {"x-note": "1, 2, 3", "cookie": "a=1; b=2"}


def test_queries() -> None:
    base = {"httpMethod": "GET", "path": "/", "requestContext": {}}
    lists = {"a": ["1", "x y"], "b": [""]}
    assert http_event.V1.read({**base, "multiValueQueryStringParameters": lists}).query == "a=1&a=x+y&b="
    raw = {"a": ["1", "x%20y"]}
    assert http_event.ALB_MULTI.read({**base, "multiValueQueryStringParameters": raw}).query == "a=1&a=x%20y"
    assert http_event.ALB.read({**base, "queryStringParameters": {"a": "x%20y"}}).query == "a=x%20y"
    assert http_event.V1.read({**base, "queryStringParameters": None}).query == ""


MANY = Response(
    200, (("content-type", "text/plain"), ("vary", "a"), ("vary", "b"), ("set-cookie", "c=1"), ("set-cookie", "d=2")), b"x"
)


def test_answers_with_repeated_headers() -> None:
    assert envelope.v2(MANY)["headers"] == {"content-type": "text/plain", "vary": "a, b"}
    assert envelope.v2(MANY)["cookies"] == ["c=1", "d=2"]
    first = envelope.v1(MANY)
    assert first["headers"] == {"content-type": "text/plain"}
    assert first["multiValueHeaders"] == {"vary": ["a", "b"], "set-cookie": ["c=1", "d=2"]}
    assert envelope.alb(MANY)["headers"] == {"content-type": "text/plain", "vary": "a, b", "set-cookie": "d=2"}
    lists = envelope.alb_multi(MANY)["multiValueHeaders"]
    assert lists == {"content-type": ["text/plain"], "vary": ["a", "b"], "set-cookie": ["c=1", "d=2"]}
    assert "headers" not in envelope.alb_multi(MANY)


@pytest.mark.parametrize(
    ("kind", "body", "told", "is_base64"),
    [
        ("application/json", b'{"a":"\xc3\xa9"}', '{"a":"é"}', False),
        ("application/problem+json", b"{}", "{}", False),
        ("text/html; charset=utf-8", b"<p>", "<p>", False),
        ("text/plain", b"\xff", "/w==", True),
        ("application/octet-stream", b"{}", "e30=", True),
        ("application/octet-stream", b"", "", False),
    ],
)
def test_text_is_text_and_the_rest_is_base64(kind: str, body: bytes, told: str, is_base64: bool) -> None:
    response = Response(200, (("x-first", "1"), ("content-type", kind)), body)
    for write in (envelope.v2, envelope.v1, envelope.alb, envelope.alb_multi):
        answer = write(response)
        assert (answer["body"], answer["isBase64Encoded"]) == (told, is_base64)


def test_a_load_balancer_wants_a_description() -> None:
    assert envelope.alb(Response(404, (), b""))["statusDescription"] == "404 Not Found"
    assert envelope.alb(Response(418, (), b""))["statusDescription"] == "418"


@pytest.mark.parametrize("form", ["v2", "v1", "alb", "alb-multi"])
def test_every_case_of_the_corpus(
    form: str, runtime: Runtimes, corpus: ModuleType, doors: ModuleType, folder: Any, context: Any
) -> None:
    """As in the real runtime client, for the default settings; here each line of a difference can be debugged."""
    made: dict[str, TimedRuntime] = {}

    def ask(case: Any) -> Response:
        one = made.get(case.bundle) or made.setdefault(
            case.bundle, runtime(case.bundle, concurrency=1, timeout_s=20.0, stage="test")
        )
        event = json.loads(json.dumps(doors.FORMS[form](case)))
        answer: Response = doors.response(json.loads(json.dumps(dispatch(one, event, context()))))
        return answer

    cases = [case for case in corpus.CORPUS if not case.environment and case.bundle != "digits-example"]
    assert corpus.run_corpus("aws", ask, folder, cases) == []


NAMES = st.text("abcxyz-", min_size=1, max_size=8).filter(lambda name: name != "cookie")
FIELDS = st.lists(st.tuples(NAMES, st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=12)), max_size=6)


class Sent(NamedTuple):
    """A request as the doors take it."""

    method: str
    target: str
    fields: list[tuple[str, str]]
    body: bytes


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    st.builds(
        Sent,
        st.sampled_from(["GET", "POST", "PATCH"]),
        st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#&=%"), max_size=20).map("/{}".format),
        FIELDS,
        st.binary(max_size=40),
    )
)
def test_what_was_sent_is_what_is_read(doors: ModuleType, sent: Sent) -> None:
    """Through every door, of requests of every kind."""
    joined: dict[str, str] = {}
    for name, value in sent.fields:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    for form in (doors.v1, doors.alb_multi):
        envelope_read = http_event.V1 if form is doors.v1 else http_event.ALB_MULTI
        assert envelope_read.read(form(sent)) == (sent.method, sent.target, "", joined)
    read = http_event.V2.read(doors.v2(sent))
    assert (read.method, read.path, read.query) == (sent.method, sent.target, "")
    assert {name: value.replace(", ", ",") for name, value in joined.items()} == {
        name: value.replace(", ", ",") for name, value in read.headers.items()
    }


@given(
    body=st.binary(max_size=60) | st.text(max_size=40).map(str.encode),
    kind=st.sampled_from(["application/json", "image/png", "text/a"]),
)
def test_a_body_survives_both_ways(body: bytes, kind: str) -> None:
    answer = Response(200, (("content-type", kind),), body)
    for write in (envelope.v2, envelope.v1, envelope.alb, envelope.alb_multi):
        told = json.loads(json.dumps(write(answer)))
        data = base64.b64decode(told["body"], validate=True) if told["isBase64Encoded"] else told["body"].encode()
        assert data == body


def test_the_context_gives_the_id_where_the_caller_does_not(runtime: Runtimes, context: Any) -> None:
    plain = runtime("plain")
    assert dispatch(plain, v2("/v2"), context())["headers"]["x-request-id"] == "lambda-1"
    sent = v2("/v2", headers={"x-request-id": "mine"})
    assert dispatch(plain, sent, context())["headers"]["x-request-id"] == "mine"


def test_a_lone_surrogate_is_no_crash(runtime: Runtimes, context: Any) -> None:
    event = v2("/predict", body="\ud800", headers={"x-note": "\ud800"})
    event["requestContext"]["http"]["method"] = "POST"
    assert dispatch(runtime("plain"), event, context())["statusCode"] == 400


def test_too_large_for_lambda(runtime: Runtimes, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is the size as JSON: quotes are escaped, bytes are base64."""
    monkeypatch.setattr(envelope, "UNMEASURED_BYTES", 10)
    event = v2("/metadata")
    whole = dispatch(runtime("plain"), event, context())
    monkeypatch.setattr(envelope, "MAX_BYTES", envelope.size_bytes(whole))
    assert dispatch(runtime("plain"), event, context())["statusCode"] == 200
    monkeypatch.setattr(envelope, "MAX_BYTES", envelope.size_bytes(whole) - 50)
    refused = dispatch(runtime("plain"), event, context())
    assert refused["statusCode"] == 413
    assert "more than AWS Lambda passes on" in json.loads(refused["body"])["detail"]


def test_what_goes_unmeasured_always_fits() -> None:
    worst = Response(200, (("content-type", "text/plain"),), b"\x01" * envelope.UNMEASURED_BYTES)
    assert envelope.size_bytes(envelope.v2(worst)) < envelope.MAX_BYTES
    worst = Response(200, (("content-type", "text/plain"),), "é".encode() * (envelope.UNMEASURED_BYTES // 2))
    assert envelope.size_bytes(envelope.v2(worst)) < envelope.MAX_BYTES
