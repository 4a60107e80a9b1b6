"""Secrets at the start of an environment: Secrets Manager ─▶ names and values for os.environ. A value is in no message.

A new value is seen by environments that start after it was stored; `mldeploy up` starts fresh ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from mldeploy.providers.aws.entry.calls import call, endpoint, region_of
from mldeploy.providers.aws.entry.sigv4 import CredentialsError, Target


class SecretError(Exception):
    """A secret cannot be read; the message says which one and what to do."""


def fetch(environ: Mapping[str, str]) -> dict[str, str]:
    """Every secret that the environment names: the managed ones, then the user's own references. Raises SecretError."""
    found: dict[str, str] = {}
    managed = environ.get("MLDEPLOY_SECRETS_ARN", "")
    if managed:
        values = _object(_value(environ, managed), f"the secret {managed} is not a JSON object of names and values")
        found |= {name: _text(value) for name, value in values.items()}
    references = environ.get("MLDEPLOY_SECRET_REFS", "")
    if references:
        for name, arn in _object(references, "MLDEPLOY_SECRET_REFS is not a JSON object of names and ARNs").items():
            found[name] = _value(environ, str(arn))
    return found


def _object(text: str, fault: str) -> dict[str, Any]:
    try:
        doc = json.loads(text)
    except ValueError:
        doc = None
    if type(doc) is not dict:
        raise SecretError(fault)
    return doc


def _text(value: Any) -> str:
    return value if type(value) is str else json.dumps(value)


def _value(environ: Mapping[str, str], arn: str) -> str:
    """The current value of one secret, by ARN or name."""
    parts = arn.split(":")
    region = parts[3] if arn.startswith("arn:") and len(parts) > 6 and parts[3] else region_of(environ)
    place = endpoint(environ, "secretsmanager", region)
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "secretsmanager.GetSecretValue"}
    target = Target("POST", place.host, "/", "", region, "secretsmanager")
    try:
        answer = call(environ, place.scheme, target, headers, json.dumps({"SecretId": arn}).encode())
    except (OSError, HTTPException) as error:
        raise SecretError(
            f"no answer from Secrets Manager for {arn}: {type(error).__name__}: {error}; "
            "a function in a VPC needs a route to it (NAT or an interface endpoint)"
        ) from error
    except CredentialsError as error:
        raise SecretError(f"the secret {arn} cannot be read: {error}") from error
    if answer.status == 200:
        return _string(answer.body, arn)
    raise SecretError(f"the secret {arn} cannot be read: {_reason(answer.status, answer.body)}")


def _string(body: bytes, arn: str) -> str:
    text = json.loads(body).get("SecretString")
    if type(text) is not str:
        raise SecretError(f"the secret {arn} is binary; store it as text")
    return text


def _reason(status: int, body: bytes) -> str:
    """The service's error as cause and fix."""
    try:
        name = str(json.loads(body).get("__type", "")).rpartition("#")[2]
    except (ValueError, AttributeError):
        name = ""
    if name == "ResourceNotFoundException":
        return "there is no such secret, or it has no value yet; store one, then run mldeploy up again"
    if name in ("AccessDeniedException", "DecryptionFailure") or status == 403:
        return f"the function's role lacks secretsmanager:GetSecretValue (or kms:Decrypt for its key): {name or status}"
    return f"Secrets Manager answered {status} {name}".rstrip()
