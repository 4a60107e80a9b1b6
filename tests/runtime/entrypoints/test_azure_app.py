"""The function app under the azure-functions of this Python (1.x before 3.13), called as the worker calls it."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from mldeploy.handlers.config import ConfigError
from mldeploy.providers.azure.entry.messages import EventError
from mldeploy.providers.azure.entry.schedule import ScheduleError

CONTEXT = SimpleNamespace(invocation_id="i-1")
JSON = {"content-type": "application/json"}

Bundle = Callable[[str], Path]


@pytest.fixture
def entry(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """app.py, imported as the worker does: with the deployment's environment."""
    monkeypatch.setenv("MLDEPLOY_BUNDLE", str(bundle("plain")))
    return importlib.import_module("mldeploy.providers.azure.entry.app")


def functions(app: Any) -> dict[str, Any]:
    """By name; an app can be indexed once."""
    return {one.get_function_name(): one for one in app.get_functions()}


def called(app: Any, name: str, *arguments: Any) -> Any:
    return asyncio.run(functions(app)[name].get_user_function()(*arguments))


def plain(entry: ModuleType, bundle: Bundle, **environ: str) -> Any:
    return entry.build({"MLDEPLOY_BUNDLE": str(bundle("plain")), **environ})


class Out:
    """An output binding."""

    def __init__(self) -> None:
        self.value: bytes | None = None

    def set(self, value: bytes) -> None:
        self.value = value


def test_importing_it_builds_the_app(entry: ModuleType) -> None:
    assert set(functions(entry.app)) == {"http"}


@pytest.mark.parametrize(("told", "level"), [("", "ANONYMOUS"), ("anonymous", "ANONYMOUS"), ("function", "FUNCTION")])
def test_auth_level(entry: ModuleType, bundle: Bundle, told: str, level: str) -> None:
    app = entry.build({"MLDEPLOY_BUNDLE": str(bundle("plain")), "MLDEPLOY_AZURE_AUTH_LEVEL": told})
    assert functions(app)["http"].get_trigger().get_dict_repr()["authLevel"].name == level


def test_an_unknown_auth_level_is_named(entry: ModuleType, bundle: Bundle) -> None:
    with pytest.raises(ConfigError, match="MLDEPLOY_AZURE_AUTH_LEVEL='admin' must be one of anonymous, function"):
        entry.build({"MLDEPLOY_BUNDLE": str(bundle("plain")), "MLDEPLOY_AZURE_AUTH_LEVEL": "admin"})


def test_http(entry: ModuleType, bundle: Bundle) -> None:
    asked = func.HttpRequest("POST", "http://h/predict", headers=JSON, params={}, body=b'{"inputs": [[1, 2, 3]]}')
    answer = called(plain(entry, bundle), "http", asked, CONTEXT)
    assert (answer.status_code, json.loads(answer.get_body())["outputs"]) == (200, {"y": [[4, 5]]})
    assert answer.headers["x-request-id"] == "i-1"


def test_a_lost_body_is_told(entry: ModuleType, bundle: Bundle) -> None:
    headers = {**JSON, "transfer-encoding": "chunked", "x-request-id": "mine"}
    asked = func.HttpRequest("POST", "http://h/predict", headers=headers, params={}, body=b"")
    answer = called(plain(entry, bundle), "http", asked, CONTEXT)
    assert answer.status_code == 400
    assert "Content-Length" in json.loads(answer.get_body())["detail"]
    assert answer.headers["x-request-id"] == "mine"


@pytest.mark.parametrize("access", [{}, {"MLDEPLOY_ACCESS": "key", "MLDEPLOY_API_KEY": "k" * 20}])
def test_a_schedule(entry: ModuleType, bundle: Bundle, access: dict[str, str]) -> None:
    environ = {"MLDEPLOY_BUNDLE": str(bundle("plain")), "MLDEPLOY_SCHEDULE": "0 0 6 * * *", **access}
    app = entry.build({**environ, "MLDEPLOY_SCHEDULE_BODY": '{"inputs": [[1, 2, 3]]}'})
    assert called(app, "schedule", func.timer.TimerRequest(), CONTEXT) is None
    app = entry.build({**environ, "MLDEPLOY_SCHEDULE_BODY": "{}"})
    with pytest.raises(ScheduleError, match="answered 422"):
        called(app, "schedule", func.timer.TimerRequest(), CONTEXT)


def test_blobs_through_bindings(entry: ModuleType, bundle: Bundle) -> None:
    for data, status in ((b'{"inputs": [[1, 2, 3]]}', 0), (b"{", 400)):
        answer, refusal = Out(), Out()
        app = plain(entry, bundle, MLDEPLOY_TRIGGER_CONTAINER="shop")
        called(app, "objects", func.blob.InputStream(data=data, name="shop/in/a.json"), answer, refusal, CONTEXT)
        if status:
            assert answer.value is None
            assert json.loads(refusal.value or b"")["status"] == status
        else:
            assert json.loads(answer.value or b"")["outputs"] == {"y": [[4, 5]]}
            assert refusal.value is None


def test_messages(entry: ModuleType, bundle: Bundle) -> None:
    deleted = {"id": "e-1", "eventType": "Microsoft.Storage.BlobDeleted", "subject": "/x", "data": {}}
    app = plain(entry, bundle, MLDEPLOY_STORAGE_ACCOUNT="shop")
    assert called(app, "messages", func.QueueMessage(body=json.dumps(deleted))) is None
    with pytest.raises(EventError):
        called(plain(entry, bundle, MLDEPLOY_STORAGE_ACCOUNT="shop"), "messages", func.QueueMessage(body="no event"))


def test_two_ways_to_the_same_blobs_are_refused(entry: ModuleType, bundle: Bundle) -> None:
    both = {"MLDEPLOY_TRIGGER_CONTAINER": "a", "MLDEPLOY_STORAGE_ACCOUNT": "b"}
    with pytest.raises(ConfigError, match="would predict each blob twice"):
        entry.build({"MLDEPLOY_BUNDLE": str(bundle("plain")), **both})
