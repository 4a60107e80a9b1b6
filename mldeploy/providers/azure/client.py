"""Azure Resource Manager and its neighbours over plain REST: what the engine does not do (tokens, secrets, logs, leftovers).

AzureClient ─token─▶ management.azure.com · <vault>.vault.azure.net · api.loganalytics.io
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from mldeploy.errors import ProviderError
from mldeploy.providers.azure.causes import explained
from mldeploy.providers.azure.credentials import MANAGEMENT, Tokens
from mldeploy.providers.azure.exchange import Answer, AzureError, exchange, failure

ARM = "https://management.azure.com"
POLL_S = 2.0
BUSY = (429, 503)
MAX_TRIES = 5
MAX_WAIT_S = 30.0


class AzureClient:
    """One caller. Methods raise ProviderError with cause and fix, or AzureError where the caller looks at the code itself."""

    def __init__(self, tokens: Tokens | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self.tokens = tokens or Tokens()
        self._sleep = sleep

    def send(self, method: str, url: str, body: Any = None, *, scope: str = MANAGEMENT) -> Answer:
        """One exchange that succeeded; waits a few times where Azure says that it is busy. Raises AzureError."""
        data = None if body is None else json.dumps(body).encode()
        kind = {"content-type": "application/json"} if data is not None else {"content-length": "0"} if method == "POST" else {}
        for attempt in range(MAX_TRIES):
            headers = {"authorization": f"Bearer {self.tokens.get(scope)}", **kind}
            answer = exchange(method, url, headers, data)
            if answer.status not in BUSY or attempt == MAX_TRIES - 1:
                break
            self._sleep(_wait_s(answer, attempt))
        if answer.status >= 400:
            raise failure(answer)
        return answer

    def get(self, path: str, version: str) -> Any:
        """A resource, None when there is none. Raises ProviderError."""
        try:
            return self.send("GET", arm(path, version)).json()
        except AzureError as error:
            if error.status == 404:
                return None
            raise translated(error) from error

    def listed(self, path: str, version: str, query: str = "") -> Iterator[Mapping[str, Any]]:
        """Every entry of a list, page after page. Raises ProviderError."""
        url = arm(path, version) + (f"&{query}" if query else "")
        try:
            while url:
                page = self.send("GET", url).json()
                yield from page.get("value", [])
                url = page.get("nextLink") or ""
        except AzureError as error:
            if error.status != 404:
                raise translated(error) from error

    def act(self, method: str, path: str, version: str, body: Any = None, timeout_s: float = 600.0) -> Answer | None:
        """A call that may go on after its answer: waits for its end. None when there is nothing at `path`."""
        try:
            answer = self.send(method, arm(path, version), body)
            return self._wait(answer, timeout_s)
        except AzureError as error:
            if error.status == 404:
                return None
            raise translated(error) from error

    def _wait(self, answer: Answer, timeout_s: float) -> Answer:
        follow = answer.headers.get("azure-asyncoperation") or answer.headers.get("location") or ""
        if answer.status not in (201, 202) or not follow:
            return answer
        deadline_s = time.monotonic() + timeout_s
        while True:
            current = self.send("GET", follow)
            state = str(current.json().get("status", "")).lower() if current.body else ""
            if state in ("failed", "canceled"):
                raise failure(current)
            if current.status != 202 and state in ("", "succeeded"):
                return current
            if time.monotonic() > deadline_s:
                raise ProviderError(f"Azure did not finish within {timeout_s:g} s", "run the command again")
            self._sleep(_wait_s(current, 0))


def arm(path: str, version: str) -> str:
    """The address of a resource of Azure Resource Manager."""
    return f"{ARM}{quote(path, safe='/')}?api-version={version}"


def translated(error: AzureError) -> ProviderError:
    """Cause and fix by the table of causes; Azure's own words where it has none."""
    cause = explained(str(error))
    if cause is not None:
        return ProviderError(*cause)
    return ProviderError(
        f"Azure refuses: {error}", "the code is explained at learn.microsoft.com/azure/azure-resource-manager/troubleshooting"
    )


def _wait_s(answer: Answer, attempt: int) -> float:
    said = answer.headers.get("retry-after", "")
    return min(float(said) if said.isdecimal() else POLL_S * 2**attempt, MAX_WAIT_S)
