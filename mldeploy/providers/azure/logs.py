"""The runtime's own lines, from the deployment's Log Analytics workspace, where they arrive some minutes late.

Following asks again and again for what has been taken in since, by the time of taking in: a line that comes late is not lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from mldeploy.errors import ProviderError
from mldeploy.providers.azure.client import AzureClient, translated
from mldeploy.providers.azure.credentials import LOGS
from mldeploy.providers.azure.exchange import AzureError

API = "https://api.loganalytics.io/v1/workspaces"
POLL_S = 5.0
COLUMNS = "project At = TimeGenerated, Taken = ingestion_time(), Line"


class Line(NamedTuple):
    """One line: when it was written, when it was taken in, what it says."""

    at: str
    taken: str
    text: str


def source(document: Mapping[str, Any]) -> str:
    """The query that finds this deployment's lines, before any bound. The table has one of two names: both are asked."""
    names = document["names"]
    if document["plan"] == "premium":
        return f"AppTraces | where AppRoleName =~ '{names['site']}' | extend Line = Message"
    return (
        "union isfuzzy=true ContainerAppConsoleLogs, ContainerAppConsoleLogs_CL"
        " | extend App = coalesce(column_ifexists('ContainerAppName', ''), column_ifexists('ContainerAppName_s', ''))"
        f" | where App == '{names['app']}'"
        " | extend Line = coalesce(column_ifexists('Log', ''), column_ifexists('Log_s', ''))"
    )


def query(document: Mapping[str, Any], *, since_s: float | None, tail: int | None, after: str = "") -> str:
    """The whole query. `after` is the time of taking in that was seen last."""
    parts = [source(document)]
    if since_s is not None:
        parts.append(f"where TimeGenerated >= ago({since_s:g}s)")
    if after:
        parts.append(f"where ingestion_time() > datetime({after})")
    parts.append(COLUMNS)
    parts.append(f"top {tail} by At desc, Taken desc" if tail is not None else "order by At asc, Taken asc")
    return " | ".join(parts)


def read(
    client: AzureClient,
    workspace: str,
    document: Mapping[str, Any],
    *,
    follow: bool,
    since_s: float | None,
    tail: int | None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """Lines, oldest first. With `follow` it goes on until nobody asks any more. Raises ProviderError."""
    lines = [] if tail == 0 else _ask(client, workspace, query(document, since_s=since_s, tail=tail))
    if tail == 0:
        lines_seen = _ask(client, workspace, query(document, since_s=None, tail=1))
    else:
        lines_seen = lines
        yield from (line.text for line in (reversed(lines) if tail is not None else lines))
    after = max((line.taken for line in lines_seen), default="")
    while follow:
        sleep(POLL_S)
        # Nothing taken in yet: only what is new counts, whatever was asked for before.
        fresh = _ask(client, workspace, query(document, since_s=None if after else since_s, tail=None, after=after))
        yield from (line.text for line in fresh)
        after = max([after, *(line.taken for line in fresh)])


def _ask(client: AzureClient, workspace: str, text: str) -> list[Line]:
    try:
        answer = client.send("POST", f"{API}/{workspace}/query", {"query": text}, scope=LOGS).json()
    except AzureError as error:
        if error.status == 404:
            raise ProviderError("the log workspace is gone", "run `mldeploy up` to make it anew") from error
        raise translated(error) from error
    table: dict[str, Any] = next(
        (each for each in answer.get("tables", []) if each.get("name") == "PrimaryResult"), {"columns": [], "rows": []}
    )
    columns = [column["name"] for column in table["columns"]]
    rows = [dict(zip(columns, row, strict=True)) for row in table["rows"]]
    return [Line(str(row["At"]), str(row["Taken"]), str(row["Line"]).rstrip("\r\n")) for row in rows]
