"""One HTTP exchange with an Azure service, over the standard library. All hosts can be mapped below one base URL.

    MLDEPLOY_AZURE_ENDPOINT=http://127.0.0.1:4000     https://management.azure.com/x  ->  http://127.0.0.1:4000/management.azure.com/x

for a private gateway, an emulator, or the stand-in of the tests.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mldeploy.errors import ProviderError

ENDPOINT_VARIABLE = "MLDEPLOY_AZURE_ENDPOINT"
TIMEOUT_S = 30.0


class Answer(NamedTuple):
    """What came back. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; {} when it is empty or none."""
        try:
            return json.loads(self.body or b"{}")
        except ValueError:
            return {}


class AzureError(Exception):
    """An answer that is no success: its status, Azure's own code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.status = status
        self.code = code
        self.message = message


def mapped(url: str) -> str:
    """The address that is really asked for `url`."""
    base = os.environ.get(ENDPOINT_VARIABLE, "").rstrip("/")
    return f"{base}/{url.removeprefix('https://')}" if base else url


def exchange(method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    """Send and receive, whatever the status. Raises ProviderError when there is no connection."""
    parts = urlsplit(mapped(url))
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, path, body, {"accept": "application/json", "connection": "close", **headers})
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()
    except ssl.SSLError as error:
        raise ProviderError(
            f"{parts.hostname}: no secure connection: {error}", "check the machine's certificates and any proxy"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise ProviderError(
            f"{parts.hostname} does not answer: {error or type(error).__name__}", "check the network and run the command again"
        ) from error


def failure(answer: Answer) -> AzureError:
    """The error that an answer reports, in any of the forms that Azure's services use."""
    document = answer.json()
    found = document.get("error", document) if isinstance(document, dict) else {}
    if not isinstance(found, dict):
        return AzureError(answer.status, str(found), str(document.get("error_description", "")))
    inner = found.get("innererror")
    code = str(found.get("code") or "")
    if isinstance(inner, dict) and inner.get("code"):
        code = f"{code}/{inner['code']}"
    text = str(found.get("message") or answer.body[:300].decode(errors="replace") or f"status {answer.status}")
    return AzureError(answer.status, code, text)
