"""Two requests to Cloud Storage's JSON API, over the standard library: the client library would cost the image 40 packages.

    read   GET  /storage/v1/b/BUCKET/o/KEY?alt=media&generation=N      at most `limit` + 1 bytes; a gzip object stays as it is
    write  POST /upload/storage/v1/b/BUCKET/o?uploadType=media&name=KEY

The token is the service account's, from the metadata server, kept until a minute before it ends.

    STORAGE_EMULATOR_HOST   http://HOST:PORT of an emulator, asked without a token
    GCE_METADATA_HOST       the metadata server                     default metadata.google.internal
"""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from time import monotonic
from urllib.parse import quote, urlsplit

from mldeploy.handlers.objects import ObjectEvent, Stored, Transient

_HOST = "storage.googleapis.com"
_METADATA_HOST = "metadata.google.internal"
_TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105  where a token is asked for
_TIMEOUT_S = 30.0
_METADATA_TIMEOUT_S = 5.0
_TOKEN_MARGIN_S = 60.0
_GONE = (404, 410)
_MAX_ERROR_BYTES = 4096


class Storage:
    """Reads and writes objects. Both raise Transient when the store does not do as asked: the event is then delivered again."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        emulator = environ.get("STORAGE_EMULATOR_HOST", "")
        self._emulator = urlsplit(emulator if "://" in emulator else f"http://{emulator}").netloc if emulator else ""
        self._metadata_host = environ.get("GCE_METADATA_HOST", "") or _METADATA_HOST
        self._token = ""
        self._token_until_s = 0.0

    def read(self, event: ObjectEvent, limit: int) -> Stored | None:
        """The generation that the event tells of; None when it is not there any more."""
        generation = f"&generation={event.version}" if event.version else ""
        path = f"/storage/v1/b/{quote(event.bucket, '')}/o/{quote(event.key, '')}?alt=media{generation}"
        status, headers, body = self._ask("GET", path, limit + 1, {"accept-encoding": "gzip"})
        if status in _GONE:
            return None
        if status != 200:
            raise _failed("read", event.bucket, event.key, status, body, "roles/storage.objectViewer")
        return Stored(body, headers.get("content-type", ""), headers.get("content-encoding", ""))

    def write(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        """Create the object, or overwrite it."""
        path = f"/upload/storage/v1/b/{quote(bucket, '')}/o?uploadType=media&name={quote(key, '')}"
        status, _, answer = self._ask("POST", path, _MAX_ERROR_BYTES, {"content-type": content_type}, body)
        if status != 200:
            raise _failed("write", bucket, key, status, answer, "roles/storage.objectUser")

    def _ask(
        self, method: str, path: str, limit: int, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        try:
            if self._emulator:
                connection = HTTPConnection(self._emulator, timeout=_TIMEOUT_S)
            else:
                from http.client import HTTPSConnection

                headers = headers | {"authorization": f"Bearer {self.token()}"}
                connection = HTTPSConnection(_HOST, timeout=_TIMEOUT_S)
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                # An error's body is read, too: it says why.
                return answer.status, _lower(answer), answer.read(limit if answer.status == 200 else _MAX_ERROR_BYTES)
            finally:
                connection.close()
        except (OSError, HTTPException) as error:
            raise Transient(f"{self._emulator or _HOST} cannot be reached: {type(error).__name__}: {error}") from error

    def token(self) -> str:
        """An access token of the service account. Raises Transient."""
        if monotonic() < self._token_until_s:
            return self._token
        connection = HTTPConnection(self._metadata_host, timeout=_METADATA_TIMEOUT_S)
        try:
            connection.request("GET", _TOKEN_PATH, headers={"metadata-flavor": "Google"})
            answer = connection.getresponse()
            import json

            document = json.loads(answer.read(65536))
            self._token = document["access_token"]
            self._token_until_s = monotonic() + float(document["expires_in"]) - _TOKEN_MARGIN_S
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            said = f"{type(error).__name__}: {error}"
            raise Transient(f"the metadata server {self._metadata_host} gave no token: {said}") from error
        finally:
            connection.close()
        return self._token


def _lower(answer: HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.getheaders()}


def _failed(verb: str, bucket: str, key: str, status: int, body: bytes, role: str) -> Transient:
    hint = f"; give the service account {role} on the bucket" if status in (401, 403) else ""
    said = " ".join(body[:400].decode("utf-8", "replace").split())
    return Transient(f"cannot {verb} gs://{bucket}/{key}: {status} {said}{hint}")
