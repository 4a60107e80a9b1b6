"""How a deployment is asked: signatures as AWS computes them, and the Invoke API in place of HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from mldeploy.calling import call
from mldeploy.errors import ProviderError
from mldeploy.providers.aws import calls
from mldeploy.providers.aws.client import Clients
from mldeploy.providers.aws.entry.sigv4 import Credentials, Target, signed
from mldeploy.providers.contract import Call

DOCUMENT = {"endpoint": "url", "access": "private", "visibility": "private: x", "region": "eu-central-1"}
OUTPUTS = {
    "url": "https://abc.lambda-url.eu-central-1.on.aws/",
    "function": "digits-dev",
    "alias": "live",
    "candidate_version": "8",
}


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Credentials:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    return Credentials("AKIDEXAMPLE", "secret", "token")


class Answering(BaseHTTPRequestHandler):
    """Lambda's Invoke API as far as one call needs it (a stand-in); `asked` keeps what came."""

    asked: list[tuple[str, dict[str, Any]]]
    answer: tuple[int, dict[str, str], bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        type(self).asked.append((self.path, json.loads(body)))
        status, headers, data = type(self).answer
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def lambda_api(keys: Credentials) -> Iterator[tuple[Clients, type[Answering]]]:
    handler = type("Handler", (Answering,), {"asked": [], "answer": (200, {}, b"{}")})
    server = HTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield Clients("eu-central-1", f"http://127.0.0.1:{server.server_port}"), handler
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("kind", "service", "host"),
    [
        ("url", "lambda", "abc.lambda-url.eu-central-1.on.aws"),
        ("http_api", "execute-api", "api1.execute-api.eu-central-1.amazonaws.com"),
    ],
)
@pytest.mark.parametrize("path", ["/predict", "/v2/models/digits/infer?b=2&a=1%20x"])
def test_a_private_call_is_signed_as_our_own_signer_does(
    kind: str, service: str, host: str, path: str, keys: Credentials
) -> None:
    """Two implementations agree: botocore's, which is used, and the standard library's of the entry point."""
    document, outputs = {**DOCUMENT, "endpoint": kind}, {**OUTPUTS, "url": f"https://{host}/"}
    endpoint = calls.endpoint(Clients("eu-central-1"), document, outputs, "", is_candidate=False)
    body = b'{"inputs": [1]}'
    headers = {"content-type": "application/json", "x-amz-content-sha256": hashlib.sha256(body).hexdigest()}
    assert endpoint.sign is not None
    found = endpoint.sign(Call("POST", path, headers, body))
    assert found["x-amz-security-token"] == "token"
    at, _, query = path.partition("?")
    target = Target("POST", host, at, query, "eu-central-1", service)
    ours = signed(target, headers, body, keys, _seconds(found["x-amz-date"]))
    assert f"/eu-central-1/{service}/aws4_request" in found["authorization"]
    assert found["authorization"] == ours["authorization"]


def _parts(authorization: str) -> dict[str, str]:
    return dict(part.strip().split("=", 1) for part in authorization.partition(" ")[2].split(","))


def _seconds(stamp: str) -> float:
    import calendar
    import time

    return calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))


def test_a_signature_covers_body_path_and_query(keys: Credentials) -> None:
    endpoint = calls.endpoint(Clients("eu-central-1"), DOCUMENT, OUTPUTS, "", is_candidate=False)
    assert endpoint.sign is not None
    base = Call("POST", "/predict?a=1", {}, b"x")
    signatures = {
        _parts(endpoint.sign(each)["authorization"])["Signature"]
        for each in (base, Call("POST", "/predict?a=2", {}, b"x"), Call("POST", "/other?a=1", {}, b"x"))
    }
    signatures.add(_parts(endpoint.sign(Call("POST", "/predict?a=1", {}, b"y"))["authorization"])["Signature"])
    assert len(signatures) == 4


def test_without_credentials_the_call_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    endpoint = calls.endpoint(Clients("eu-central-1"), DOCUMENT, OUTPUTS, "", is_candidate=False)
    assert endpoint.sign is not None
    with pytest.raises(ProviderError, match="there are no AWS credentials") as caught:
        endpoint.sign(Call("GET", "/"))
    assert "aws configure" in (caught.value.hint or "")


def test_open_endpoints_are_not_signed_and_a_key_is_a_header(keys: Credentials) -> None:
    document = {**DOCUMENT, "access": "key"}
    endpoint = calls.endpoint(Clients("eu-central-1"), document, OUTPUTS, "k3y", is_candidate=False)
    assert (endpoint.sign, endpoint.send) == (None, None)
    assert endpoint.headers == {"authorization": "Bearer k3y"}
    assert "k3y" not in repr(endpoint)


@pytest.mark.parametrize(
    ("document", "is_candidate", "qualifier"),
    [({**DOCUMENT, "endpoint": "none"}, False, "live"), (DOCUMENT, True, "8")],
)
def test_invoke_stands_in_for_http(
    document: dict[str, str], is_candidate: bool, qualifier: str, lambda_api: tuple[Clients, type[Answering]]
) -> None:
    clients, api = lambda_api
    said = {"statusCode": 201, "headers": {"Content-Type": "image/png"}, "body": "AAH/", "isBase64Encoded": True}
    api.answer = (200, {}, json.dumps(said).encode())
    endpoint = calls.endpoint(clients, document, OUTPUTS, "", is_candidate=is_candidate)
    reply = call(endpoint, Call("POST", "/predict?x=1", {"content-type": "text/csv"}, b"a\n1\xff"), 5)
    assert (reply.status, reply.headers, reply.body) == (201, {"content-type": "image/png"}, b"\x00\x01\xff")
    ((path, event),) = api.asked
    assert path == f"/2015-03-31/functions/digits-dev/invocations?Qualifier={qualifier}"
    assert (event["rawPath"], event["rawQueryString"]) == ("/predict", "x=1")
    assert event["requestContext"]["http"]["method"] == "POST"
    assert (event["headers"]["content-type"], base64.b64decode(event["body"])) == ("text/csv", b"a\n1\xff")


@pytest.mark.parametrize(
    ("status", "headers", "body", "said"),
    [
        (
            200,
            {"X-Amz-Function-Error": "Unhandled"},
            b'{"errorType": "Runtime.ExitError", "errorMessage": "gone"}',
            "ExitError: gone",
        ),
        (200, {}, b'"text"', "no HTTP answer"),
        (429, {"x-amzn-ErrorType": "TooManyRequestsException"}, b'{"message": "Rate exceeded"}', "fewer calls a second"),
    ],
)
def test_no_answer_is_an_oserror(
    status: int, headers: dict[str, str], body: bytes, said: str, lambda_api: tuple[Clients, type[Answering]]
) -> None:
    clients, api = lambda_api
    api.answer = (status, headers, body)
    endpoint = calls.endpoint(clients, {**DOCUMENT, "endpoint": "none"}, OUTPUTS, "", is_candidate=False)
    with pytest.raises(OSError, match=said):
        call(endpoint, Call("GET", "/"), 5)


def test_a_refused_caller_is_told_what_is_missing(lambda_api: tuple[Clients, type[Answering]]) -> None:
    clients, api = lambda_api
    words = "User: arn:aws:iam::1:user/u is not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:x:1:f"
    api.answer = (403, {"x-amzn-ErrorType": "AccessDeniedException"}, json.dumps({"Message": words}).encode())
    endpoint = calls.endpoint(clients, {**DOCUMENT, "endpoint": "none"}, OUTPUTS, "", is_candidate=False)
    with pytest.raises(ProviderError, match="may not lambda:InvokeFunction on arn:aws:lambda:x:1:f") as caught:
        call(endpoint, Call("GET", "/"), 5)
    assert '"Action": "lambda:InvokeFunction", "Resource": "arn:aws:lambda:x:1:f"' in (caught.value.hint or "")
