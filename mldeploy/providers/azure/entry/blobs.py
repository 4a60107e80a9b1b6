"""Two requests to Blob Storage, over the standard library: the client library would cost the image 30 MB.

    read    GET  ENDPOINT/CONTAINER/KEY     If-Match: the event's ETag; at most `limit` + 1 bytes
    write   PUT  ENDPOINT/CONTAINER/KEY     x-ms-blob-type: BlockBlob

The token is the app's managed identity's, kept until a minute before it ends. The platform sets

    IDENTITY_ENDPOINT, IDENTITY_HEADER   where a token is asked for, and with what
    AZURE_CLIENT_ID                      which identity, where the app has several
"""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from time import time
from urllib.parse import quote, urlencode, urlsplit

from mldeploy.handlers.objects import ObjectEvent, Stored, Transient

_RESOURCE = "https://storage.azure.com/"
_VERSION = "2021-12-02"
_TIMEOUT_S = 30.0
_IDENTITY_TIMEOUT_S = 10.0
_TOKEN_MARGIN_S = 60.0
_MAX_ERROR_BYTES = 4096
# Not there, or there is a newer one, of which another event tells.
_GONE = (404, 410, 412)


class Blobs:
    """Reads and writes blobs of one account. Both raise Transient when the store does not do as asked."""

    def __init__(self, endpoint: str, environ: Mapping[str, str]) -> None:
        self._endpoint = urlsplit(endpoint)
        self._identity = urlsplit(environ.get("IDENTITY_ENDPOINT", ""))
        self._identity_header = environ.get("IDENTITY_HEADER", "")
        self._client_id = environ.get("AZURE_CLIENT_ID", "")
        self._token = ""
        self._token_until_s = 0.0

    def read(self, event: ObjectEvent, limit: int) -> Stored | None:
        """The blob as it was when the event happened; None when it is not there any more."""
        headers = {"if-match": f'"{event.version}"'} if event.version else {}
        status, told, body = self._ask("GET", event.bucket, event.key, limit + 1, headers)
        if status in _GONE:
            return None
        if status != 200:
            raise _failed("read", event.bucket, event.key, status, body, "Storage Blob Data Reader")
        return Stored(body, told.get("content-type", ""), told.get("content-encoding", ""))

    def write(self, container: str, key: str, body: bytes, content_type: str) -> None:
        """Create the blob, or overwrite it."""
        headers = {"x-ms-blob-type": "BlockBlob", "content-type": content_type}
        status, _, answer = self._ask("PUT", container, key, _MAX_ERROR_BYTES, headers, body)
        if status != 201:
            raise _failed("write", container, key, status, answer, "Storage Blob Data Contributor")

    def _ask(
        self, method: str, container: str, key: str, limit: int, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        path = f"{self._endpoint.path.rstrip('/')}/{quote(container, '')}/{quote(key, '/')}"
        headers = headers | {"x-ms-version": _VERSION, "authorization": f"Bearer {self.token()}"}
        try:
            connection = HTTPSConnection(self._endpoint.netloc, timeout=_TIMEOUT_S)
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                told = {name.lower(): value for name, value in answer.getheaders()}
                # An error's body is read, too: it says why.
                return answer.status, told, answer.read(limit if answer.status == 200 else _MAX_ERROR_BYTES)
            finally:
                connection.close()
        except (OSError, HTTPException) as error:
            raise Transient(f"{self._endpoint.netloc} cannot be reached: {type(error).__name__}: {error}") from error

    def token(self) -> str:
        """An access token of the app's identity. Raises Transient."""
        if time() < self._token_until_s:
            return self._token
        if not self._identity.netloc:
            raise Transient("there is no managed identity here: IDENTITY_ENDPOINT is not set")
        query = {"resource": _RESOURCE, "api-version": "2019-08-01"}
        query |= {"client_id": self._client_id} if self._client_id else {}
        connection = HTTPConnection(self._identity.netloc, timeout=_IDENTITY_TIMEOUT_S)
        try:
            path = f"{self._identity.path}?{urlencode(query)}"
            connection.request("GET", path, headers={"x-identity-header": self._identity_header})
            import json

            document = json.loads(connection.getresponse().read(65536))
            self._token = document["access_token"]
            self._token_until_s = float(document["expires_on"]) - _TOKEN_MARGIN_S
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            said = f"{type(error).__name__}: {error}"
            raise Transient(f"the identity endpoint {self._identity.netloc} gave no token: {said}") from error
        finally:
            connection.close()
        return self._token


def _failed(verb: str, container: str, key: str, status: int, body: bytes, role: str) -> Transient:
    hint = f"; give the app's identity the role {role} on the container" if status in (401, 403) else ""
    said = " ".join(body[:400].decode("utf-8", "replace").split())
    return Transient(f"cannot {verb} {container}/{key}: {status} {said}{hint}")
