"""What is imported, how events are told apart, JSON, secrets and the probe."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.handlers.objects import ObjectEvent
from mldeploy.providers.aws.entry import calls, events, s3, secrets
from mldeploy.providers.aws.entry.deadline import TimedRuntime
from mldeploy.providers.aws.entry.direct import ProblemError
from mldeploy.providers.aws.entry.dispatch import dispatch
from mldeploy.providers.aws.entry.loading import threads
from mldeploy.providers.aws.entry.marshaller import Marshaller

Runtimes = Callable[..., TimedRuntime]
# What a cold start must not pay for. The runtime client brings http, logging and json along by itself.
LATE = (
    *("numpy", "onnxruntime", "PIL", "boto3", "botocore", "dataclasses", "inspect", "asyncio", "pydantic"),
    *("ssl", "hashlib", "hmac", "http.client", "urllib.request", "urllib.parse", "queue", "email"),
    *("mldeploy.providers.aws.entry.events", "mldeploy.providers.aws.entry.s3", "mldeploy.providers.aws.entry.worker"),
)


def test_the_handler_imports_what_a_request_needs(folder: Callable[[str], Path]) -> None:
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; import mldeploy.providers.aws.entry.lambda_function; "
        "print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-I", "-S", "-c", code]
    environment = {"MLDEPLOY_BUNDLE": str(folder("plain")), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    loaded = done.stderr.split()
    assert "mldeploy.handlers.engines.lean" in loaded
    assert [name for name in LATE if name in loaded] == []


@pytest.mark.parametrize(("memory_mb", "cores"), [("128", 1), ("1769", 1), ("3008", 2), ("10240", 6), ("", 0), ("much", 0)])
def test_memory_buys_threads(memory_mb: str, cores: int) -> None:
    assert threads(memory_mb) == cores


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)


@given(KEYS)
def test_keys_of_notifications(key: str) -> None:
    from urllib.parse import quote_plus

    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Copy",
        "s3": {"bucket": {"name": "b"}, "object": {"key": quote_plus(key), "size": 3, "eTag": "e", "sequencer": "0A"}},
    }
    assert list(events.objects_of({"Records": [record]})) == [ObjectEvent("b", key, 3, "", "0A-e")]


def test_a_versioned_object() -> None:
    detail = {
        "bucket": {"name": "b"},
        "object": {"key": "a+b%20c", "size": 3, "version-id": "v", "etag": "e", "sequencer": "0"},
    }
    event = {"detail-type": "Object Created", "source": "aws.s3", "id": "i", "detail": detail}
    assert list(events.objects_of(event)) == [ObjectEvent("b", "a+b%20c", 3, "v", "0-e")]


@pytest.mark.parametrize(
    "event",
    [
        {"Records": []},
        {"Records": "x"},
        {"Records": [{"eventSource": "aws:dynamodb"}]},
        {"detail-type": "Other"},
        {"a": 1},
        [],
        3,
    ],
)
def test_anything_else_is_a_direct_invocation(runtime: Runtimes, context: Any, event: Any) -> None:
    with pytest.raises(ProblemError, match="urn:mldeploy:problem:invalid-input"):
        dispatch(runtime("plain"), event, context())


def test_not_a_number_in_a_direct_invocation(runtime: Runtimes, context: Any) -> None:
    with pytest.raises(ProblemError, match="NaN and Infinity are not JSON"):
        dispatch(runtime("plain"), {"inputs": [[float("nan"), 1, 2]]}, context())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_json_is_the_runtime_clients(value: Any) -> None:
    stock = LambdaMarshaller()
    ours = Marshaller(stock)
    text = json.dumps(value).encode()
    try:
        wanted = stock.unmarshal_request(text)
    except Exception:
        return
    assert ours.unmarshal_request(text) == wanted
    data, kind = ours.marshal_response(value)
    assert kind == "application/json"
    assert json.loads(data) == value


@pytest.mark.parametrize("text", [b'{"a": NaN}', b"[-Infinity]", b'["\\ud800"]', b"\xff{", b""])
def test_what_orjson_refuses_is_left_to_the_runtime_client(text: bytes) -> None:
    stock = LambdaMarshaller()
    answers = []
    for one in (stock, Marshaller(stock)):
        try:
            answers.append(repr(one.unmarshal_request(text)))
        except Exception as error:
            answers.append(repr(vars(error)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("value", [2**70, "\ud800", {"a": {1, 2}}])
def test_answers_that_orjson_refuses(value: Any) -> None:
    stock = LambdaMarshaller()
    answers = []
    for one in (stock, Marshaller(stock)):
        try:
            answers.append(repr(one.marshal_response(value)))
        except Exception as error:
            answers.append(repr(vars(error)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("environ", "service", "region", "found"),
    [
        ({}, "s3", "eu-central-1", ("https", "s3.eu-central-1.amazonaws.com", False)),
        ({}, "secretsmanager", "cn-north-1", ("https", "secretsmanager.cn-north-1.amazonaws.com.cn", False)),
        ({"AWS_ENDPOINT_URL": "http://h:1"}, "s3", "r", ("http", "h:1", True)),
        ({"AWS_ENDPOINT_URL": "http://h:1", "AWS_ENDPOINT_URL_S3": "https://s"}, "s3", "r", ("https", "s", True)),
        ({"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://sm"}, "secretsmanager", "r", ("http", "sm", True)),
    ],
)
def test_endpoints(environ: dict[str, str], service: str, region: str, found: tuple[Any, ...]) -> None:
    assert calls.endpoint(environ, service, region) == found


@pytest.mark.parametrize(
    ("bucket", "host", "path"),
    [("b", "b.s3.r.amazonaws.com", "/k%20%C3%A9/x"), ("a.b", "s3.r.amazonaws.com", "/a.b/k%20%C3%A9/x")],
)
def test_where_a_bucket_is_named(bucket: str, host: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def call(environ: Any, scheme: str, target: Any, *rest: Any) -> calls.Answer:
        seen.append((scheme, target.host, target.path))
        return calls.Answer(200, {}, b"")

    monkeypatch.setattr(s3, "call", call)
    s3.Store({"AWS_REGION": "r"}).write(bucket, "k é/x", b"", "t")
    assert seen == [("https", host, path)]


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (503, b"", "Transient", "S3 answered 503"),
        (403, b"", "StoreError", "s3:GetObject"),
        (301, b"", "StoreError", "has to be in r"),
        (400, b"<Code>AuthorizationHeaderMalformed</Code>", "StoreError", "has to be in r"),
        (400, b"<Code>KeyTooLongError</Code>", "StoreError", "S3 answered 400 KeyTooLongError$"),
        (404, b"<Code>NoSuchBucket</Code>", "StoreError", "S3 answered 404 NoSuchBucket$"),
    ],
)
def test_what_s3_says(status: int, body: bytes, kind: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "call", lambda *_: calls.Answer(status, {}, body))
    with pytest.raises(Exception, match=said) as caught:
        s3.Store({"AWS_REGION": "r"}).read(ObjectEvent("b", "k"), 10)
    assert type(caught.value).__name__ == kind


def test_an_empty_object_has_no_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "call", lambda *_: calls.Answer(416, {}, b""))
    assert s3.Store({}).read(ObjectEvent("b", "k"), 10) == (b"", "", "")


ARN = "arn:aws:secretsmanager:eu-west-3:123456789012:secret:n-AbCdEf"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, b'{"__type":"ResourceNotFoundException"}', "there is no such secret"),
        (400, b'{"__type":"AccessDeniedException"}', "lacks secretsmanager:GetSecretValue"),
        (403, b"<html>", "lacks secretsmanager:GetSecretValue"),
        (500, b"", "Secrets Manager answered 500"),
        (200, b'{"SecretBinary":"AA=="}', "is binary"),
        (200, b'{"SecretString":"plain"}', "is not a JSON object"),
    ],
)
def test_what_secrets_manager_says(status: int, body: bytes, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "call", lambda *_: calls.Answer(status, {}, body))
    with pytest.raises(secrets.SecretError, match=said):
        secrets.fetch({"MLDEPLOY_SECRETS_ARN": ARN})


def test_a_reference_is_asked_in_its_own_region(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = []

    def call(environ: Any, scheme: str, target: Any, headers: Any, body: bytes) -> calls.Answer:
        hosts.append((target.host, target.region, json.loads(body)))
        return calls.Answer(200, {}, b'{"SecretString": "v"}')

    monkeypatch.setattr(secrets, "call", call)
    assert secrets.fetch({"AWS_REGION": "eu-central-1", "MLDEPLOY_SECRET_REFS": json.dumps({"T": ARN})}) == {"T": "v"}
    assert hosts == [("secretsmanager.eu-west-3.amazonaws.com", "eu-west-3", {"SecretId": ARN})]


def test_the_probe(folder: Callable[[str], Path]) -> None:
    """As the image's gate asks: lines in, lines out, and nothing else on standard output."""
    lines = [
        {"method": "GET", "path": "/v2/health/ready?x=1"},
        {
            "method": "POST",
            "path": "/pr%65dict",
            "headers": {"Content-Type": "application/json", "x-request-id": "p"},
            "body": base64.b64encode(b'{"inputs": [[1, 2, 3]]}').decode(),
        },
        {"method": "GET"},
        {"method": "HEAD", "path": "/metadata"},
    ]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mldeploy.providers.aws.entry.probe"],
        input="".join(json.dumps(line) + "\n" for line in lines) + "\nnonsense\n",
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MLDEPLOY_BUNDLE": str(folder("plain"))},
    )
    ready, health, answer, refused, head, nonsense = map(json.loads, done.stdout.splitlines())
    assert ready == {"ready": True}
    assert (health["status"], base64.b64decode(health["body"])) == (200, b'{"ready":true}')
    assert json.loads(base64.b64decode(answer["body"])) == {"model": "plain", "outputs": {"y": [[4.0, 5.0]]}}
    assert answer["headers"]["x-request-id"] == "p"
    assert "KeyError" in refused["error"]
    assert (head["status"], head["body"]) == (200, "")
    assert "not a request" in nonsense["error"]
    assert '"event":"loaded"' in done.stderr
