"""One request to an endpoint and its answer, with the time it took as seen from here."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mldeploy.calling import call
from mldeploy.cli.payload import Payload
from mldeploy.errors import DeployError
from mldeploy.providers.contract import Call, Endpoint


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


def post(endpoint: Endpoint, path: str, payload: Payload, timeout_s: float) -> Answer:
    """POST `payload` to `path` of the endpoint. Raises DeployError when no answer comes, ProviderError without credentials."""
    request = Call("POST", path, {"content-type": payload.content_type}, payload.body)
    started_s = time.perf_counter()
    try:
        reply = call(endpoint, request, timeout_s)
    except TimeoutError as error:
        raise DeployError(
            f"{endpoint.url} did not answer within {timeout_s:g} s", "mldeploy logs -n 20, or a longer --timeout"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise DeployError(
            f"{endpoint.url} does not answer: {error or type(error).__name__}", "mldeploy status · mldeploy up"
        ) from error
    return Answer(reply.status, reply.headers, reply.body, (time.perf_counter() - started_s) * 1e3)
