"""Objects in S3: GET and PUT, signed with the function's role.

A bucket is named in the host (`bucket.s3.region.amazonaws.com`), but in the path where its name has dots (no certificate fits)
or the endpoint is the user's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from urllib.parse import quote

from mldeploy.handlers.objects import ObjectEvent, Stored, Transient
from mldeploy.providers.aws.entry.calls import Answer, call, endpoint, region_of
from mldeploy.providers.aws.entry.sigv4 import Target

_SAFE = "/-_.~"
_TRANSIENT = (408, 429, 500, 502, 503, 504)
_GONE = ("NoSuchKey", "NoSuchVersion")


class StoreError(Exception):
    """S3 refuses; the message says what to change. Delivering the event again helps once that is done."""


class Store:
    """The buckets that the function's role may use."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._region = region_of(environ)

    def read(self, event: ObjectEvent, limit: int) -> Stored | None:
        """At most `limit` + 1 bytes of the object; None where it is gone. Raises Transient or StoreError."""
        query = f"versionId={quote(event.version, safe='-_.~')}" if event.version else ""
        headers = {"range": f"bytes=0-{limit}"}
        answer = self._call("GET", event.bucket, event.key, query, headers, b"", limit + 1)
        if answer.status in (200, 206):
            told = answer.headers
            return Stored(
                answer.body, told.get("content-type", ""), told.get("content-encoding", "").replace("aws-chunked", "")
            )
        if answer.status == 416:  # a range of an object without a byte
            return Stored(b"")
        if answer.status == 404 and _code(answer.body) in _GONE:
            return None
        raise self._refusal(answer, "read", "s3:GetObject", event.bucket, event.key)

    def write(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        """Put an object. Raises Transient or StoreError."""
        answer = self._call("PUT", bucket, key, "", {"content-type": content_type}, body, -1)
        if answer.status != 200:
            raise self._refusal(answer, "write", "s3:PutObject", bucket, key)

    def _call(
        self, method: str, bucket: str, key: str, query: str, headers: Mapping[str, str], body: bytes, limit: int
    ) -> Answer:
        place = endpoint(self._environ, "s3", self._region)
        path = "/" + quote(key, safe=_SAFE)
        if place.is_own or "." in bucket:
            host, path = place.host, f"/{bucket}{path}"
        else:
            host = f"{bucket}.{place.host}"
        target = Target(method, host, path, query, self._region, "s3")
        try:
            return call(self._environ, place.scheme, target, headers, body, limit)
        except (OSError, HTTPException) as error:
            raise Transient(f"s3://{bucket}/{key}: no answer from S3: {type(error).__name__}: {error}") from error

    def _refusal(self, answer: Answer, verb: str, action: str, bucket: str, key: str) -> Exception:
        where = f"s3://{bucket}/{key}"
        code = _code(answer.body)
        said = f"S3 answered {answer.status} {code}".rstrip()
        if answer.status in _TRANSIENT:
            return Transient(f"{where}: {said}")
        if answer.status == 403:
            hint = f"give it {action} (S3 answers 403 for missing keys, too)"
            return StoreError(f"the function's role may not {verb} {where}: {hint}")
        if answer.status in (301, 307) or code == "AuthorizationHeaderMalformed":
            return StoreError(f"{where}: {said}; the bucket has to be in {self._region}, the function's region")
        return StoreError(f"cannot {verb} {where}: {said}")


def _code(body: bytes) -> str:
    """The error's name in an answer of S3: `<Code>NoSuchBucket</Code>`."""
    return body.partition(b"<Code>")[2].partition(b"</Code>")[0][:80].decode("ascii", "replace")
