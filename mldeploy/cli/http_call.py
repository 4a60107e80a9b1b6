"""One HTTP request to an endpoint and its answer, with the time it took as seen from here. Standard library only."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mldeploy.cli.payload import Payload
from mldeploy.errors import DeployError


@dataclass(frozen=True)
class Answer:
    """What came back. `headers` has lower-case names; `elapsed_ms` is from connecting to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_ms: float

    def json(self) -> Any:
        """The body as JSON, None when it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def timings_ms(self) -> dict[str, float]:
        """`server-timing`, as name -> milliseconds, in the order given."""
        found: dict[str, float] = {}
        for entry in self.headers.get("server-timing", "").split(","):
            name, *parameters = (part.strip() for part in entry.split(";"))
            for parameter in parameters:
                key, _, value = parameter.partition("=")
                try:
                    if key == "dur":
                        found[name] = float(value)
                except ValueError:
                    continue
        return found


def post(url: str, path: str, payload: Payload, headers: Mapping[str, str], timeout_s: float) -> Answer:
    """POST `payload` to `url` + `path`. Raises DeployError when no answer comes."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    started_s = time.perf_counter()
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request(
            "POST",
            parts.path.rstrip("/") + path,
            payload.body,
            {"content-type": payload.content_type, "connection": "close", **headers},
        )
        response = connection.getresponse()
        body = response.read()
        elapsed_ms = (time.perf_counter() - started_s) * 1e3
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, body, elapsed_ms)
    except TimeoutError as error:
        raise DeployError(
            f"{url} did not answer within {timeout_s:g} s", "mldeploy logs -n 20, or a longer --timeout"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise DeployError(f"{url} does not answer: {error or type(error).__name__}", "mldeploy status · mldeploy up") from error
    finally:
        connection.close()
