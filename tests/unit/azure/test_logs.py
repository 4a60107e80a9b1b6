"""Lines from Log Analytics: the queries, and reading and following them against the stand-in of conftest.py."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from mldeploy.errors import ProviderError
from mldeploy.providers.azure import logs
from mldeploy.providers.azure.client import AzureClient

APP = {"plan": "container_apps", "names": {"app": "digits-dev", "site": "digits-site"}}
SITE = {**APP, "plan": "premium"}
HOST, PATH = "api.loganalytics.io", "/v1/workspaces/w/query"


def _table(*rows: tuple[str, str, str]) -> dict[str, Any]:
    columns = [{"name": name, "type": "string"} for name in ("At", "Taken", "Line")]
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": [list(row) for row in rows]}]}


def test_both_names_of_the_table_are_asked() -> None:
    text = logs.query(APP, since_s=None, tail=None)
    assert "ContainerAppConsoleLogs, ContainerAppConsoleLogs_CL" in text
    assert "App == 'digits-dev'" in text
    assert text.endswith("order by At asc, Taken asc")


def test_a_function_app_has_its_lines_in_traces() -> None:
    assert logs.query(SITE, since_s=None, tail=None).startswith("AppTraces | where AppRoleName =~ 'digits-site'")


def test_bounds_are_part_of_the_query() -> None:
    assert "TimeGenerated >= ago(90s)" in logs.query(APP, since_s=90, tail=None)
    assert logs.query(APP, since_s=None, tail=5).endswith("top 5 by At desc, Taken desc")
    assert "ingestion_time() > datetime(2026-11-21T10:00:00Z)" in logs.query(
        APP, since_s=None, tail=None, after="2026-11-21T10:00:00Z"
    )


def test_lines_come_oldest_first(azure, client: AzureClient) -> None:
    azure.put("POST", HOST, PATH, _table(("1", "5", "first\n"), ("2", "6", "second")))
    assert list(logs.read(client, "w", APP, follow=False, since_s=None, tail=None)) == ["first", "second"]
    (asked,) = azure.asked
    assert asked.headers["authorization"] == "Bearer token for https://api.loganalytics.io"


def test_a_tail_is_turned_round(azure, client: AzureClient) -> None:
    azure.put("POST", HOST, PATH, _table(("2", "6", "second"), ("1", "5", "first")))
    assert list(logs.read(client, "w", APP, follow=False, since_s=None, tail=2)) == ["first", "second"]


def test_following_goes_on_from_what_was_taken_in_last(azure, client: AzureClient, waited: list[float]) -> None:
    azure.put("POST", HOST, PATH, _table(("1", "2026-11-21T10:00:05Z", "first")))
    azure.put("POST", HOST, PATH, _table())
    azure.put("POST", HOST, PATH, _table(("0", "2026-11-21T10:00:09Z", "late"), ("2", "2026-11-21T10:00:08Z", "second")))
    azure.put("POST", HOST, PATH, _table(("3", "2026-11-21T10:00:11Z", "third")))
    lines = logs.read(client, "w", APP, follow=True, since_s=60, tail=None, sleep=waited.append)
    assert list(islice(lines, 4)) == ["first", "late", "second", "third"]
    queries = [asked.json["query"] for asked in azure.asked]
    assert "ago(60s)" in queries[0]
    assert all("datetime(2026-11-21T10:00:05Z)" in query for query in queries[1:3])
    assert "datetime(2026-11-21T10:00:09Z)" in queries[3]
    assert waited == [logs.POLL_S] * 3


def test_a_tail_of_nothing_only_follows(azure, client: AzureClient, waited: list[float]) -> None:
    azure.put("POST", HOST, PATH, _table(("1", "2026-11-21T10:00:05Z", "old")))
    azure.put("POST", HOST, PATH, _table(("2", "2026-11-21T10:00:06Z", "new")))
    lines = logs.read(client, "w", APP, follow=True, since_s=None, tail=0, sleep=waited.append)
    assert next(lines) == "new"
    assert list(logs.read(client, "w", APP, follow=False, since_s=None, tail=0)) == []


def test_a_workspace_that_is_gone_is_named(client: AzureClient) -> None:
    with pytest.raises(ProviderError, match="workspace is gone"):
        list(logs.read(client, "w", APP, follow=False, since_s=None, tail=None))
