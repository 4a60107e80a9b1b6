"""Our signatures are botocore's, whatever is signed."""

from __future__ import annotations

import datetime
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as TheirCredentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mldeploy.providers.aws.entry.sigv4 import Credentials, CredentialsError, Target, credentials_from, signed

NOW = datetime.datetime(2026, 11, 21, 13, 58, 1, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: NOW)


def theirs(target: Target, headers: dict[str, str], body: bytes, keys: Credentials) -> str:
    signer = botocore.auth.S3SigV4Auth if target.service == "s3" else botocore.auth.SigV4Auth
    url = f"https://{target.host}{target.path}" + (f"?{target.query}" if target.query else "")
    request = AWSRequest(target.method, url, headers=dict(headers), data=body)
    request.context["payload_signing_enabled"] = True
    signer(TheirCredentials(keys.key, keys.secret, keys.token or None), target.service, target.region).add_auth(request)
    return str(request.headers["Authorization"])


def ours(target: Target, headers: dict[str, str], body: bytes, keys: Credentials) -> str:
    return signed(target, headers, body, keys, NOW.timestamp())["authorization"]


SECRETS = st.text("abcXYZ/+019", min_size=8, max_size=40)
KEYS = st.builds(Credentials, st.just("AKIDEXAMPLE"), SECRETS, st.sampled_from(["", "tok/en=="]))
VERSIONS = st.text("aZ09._-", max_size=9)
METHODS = st.sampled_from(["GET", "PUT"])
OBJECT_KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(key=OBJECT_KEYS, body=st.binary(max_size=64), keys=KEYS, method=METHODS, version=VERSIONS)
def test_s3(key: str, body: bytes, keys: Credentials, method: str, version: str) -> None:
    path = "/" + quote(key, safe="/-_.~")
    query = f"versionId={version}" if version else ""
    target = Target(method, "bucket.s3.eu-central-1.amazonaws.com", path, query, "eu-central-1", "s3")
    headers = {"content-type": "application/json"} if method == "PUT" else {"range": "bytes=0-100"}
    assert ours(target, headers, body, keys) == theirs(target, headers, body, keys)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=64), keys=KEYS, region=st.sampled_from(["us-east-1", "cn-north-1"]))
def test_secrets_manager(body: bytes, keys: Credentials, region: str) -> None:
    target = Target("POST", f"secretsmanager.{region}.amazonaws.com", "/", "", region, "secretsmanager")
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "secretsmanager.GetSecretValue"}
    assert ours(target, headers, body, keys) == theirs(target, headers, body, keys)


def test_a_port_and_spaces_in_a_value() -> None:
    target = Target("GET", "127.0.0.1:5000", "/b/a%20b", "a=1&b=&c=%26", "us-east-1", "s3")
    headers = {"x-amz-meta-note": "  two   words "}
    keys = Credentials("AKIDEXAMPLE", "secret")
    assert ours(target, headers, b"", keys) == theirs(target, headers, b"", keys)


def test_the_token_travels_and_is_signed() -> None:
    target = Target("GET", "h", "/", "", "r", "s3")
    sent = signed(target, {}, b"", Credentials("k", "s", "t"), 0.0)
    assert sent["x-amz-security-token"] == "t"
    assert "x-amz-security-token" in sent["authorization"]


@pytest.mark.parametrize("environ", [{}, {"AWS_ACCESS_KEY_ID": "k"}, {"AWS_SECRET_ACCESS_KEY": "s"}])
def test_no_keys(environ: dict[str, str]) -> None:
    with pytest.raises(CredentialsError, match="role"):
        credentials_from(environ)
