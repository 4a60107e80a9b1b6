"""Targets for functions-framework, for a deployment from source: `http` and `cloud_event`.

    flask.Request ─▶ http ─▶ gateway ─▶ core ─▶ flask.Response          CloudEvent ─▶ cloud_event ─▶ object event ─▶ result

The bundle is read when the module is imported, so that a broken one fails the deployment. The framework imports in one process
and serves from forks of it, which an inference engine's threads do not survive: the model is loaded where requests are
answered, on a thread that begins right after the fork. MLDEPLOY_BUNDLE names the bundle folder (default: `bundle` beside the
package `mldeploy`).
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock, Thread
from time import perf_counter
from typing import TYPE_CHECKING

from mldeploy.handlers import gateway
from mldeploy.handlers.__main__ import fail
from mldeploy.handlers.config import from_environ
from mldeploy.providers.gcp.entry.events import EventError, from_attributes
from mldeploy.providers.gcp.entry.runtime import CloudRuntime

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent
    from flask import Request, Response

# gunicorn ends, instead of trying for ever, when a worker leaves with this code: the platform then sees that nothing serves.
_WORKER_CANNOT_BOOT = 3


class Served:
    """The runtime of this process. `ready` waits for its model, and loads it if nobody does."""

    def __init__(self, bundle: str) -> None:
        self._bundle = bundle
        self._runtime = CloudRuntime(bundle, from_environ(os.environ), os.environ)
        self._lock = Lock()
        self._is_loaded = False
        os.register_at_fork(after_in_child=self._begin)

    def ready(self) -> CloudRuntime:
        if not self._is_loaded:
            with self._lock:
                if not self._is_loaded:
                    self._load()
        return self._runtime

    def _begin(self) -> None:
        if not self._is_loaded:
            Thread(target=self.ready, name="load", daemon=True).start()

    def _load(self) -> None:
        try:
            self._runtime.load()
        except BaseException as error:  # a hook can raise anything while it is imported
            fail(f"cannot serve {self._bundle}: {type(error).__name__}: {error}")
            os._exit(_WORKER_CANNOT_BOOT)
        self._is_loaded = True


def _beside() -> str:
    """The folder `bundle` next to the package `mldeploy`."""
    return str(Path(__file__).parents[4] / "bundle")


SERVED = Served(os.environ.get("MLDEPLOY_BUNDLE", "") or _beside())


def http(request: Request) -> Response:
    """The target of an HTTP function: every path of the runtime."""
    from flask import Response

    received_s = perf_counter()
    # What the client sent, where the server tells; else what was decoded, which the gateway takes as it is.
    target = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.full_path
    path, _, query = str(target).partition("?")
    response = gateway.answer(
        SERVED.ready(),
        request.method,
        path,
        query,
        {name.lower(): value for name, value in request.headers.items()},
        request.get_data(cache=False),
        received_s=received_s,
    )
    answer = Response(response.body, response.status, list(response.headers))
    if not any(name == "content-type" for name, _ in response.headers):
        answer.headers.pop("content-type", None)  # flask's default
    return answer


def cloud_event(event: CloudEvent) -> None:
    """The target of an event function: an object was created. What it raises makes the platform deliver the event again."""
    try:
        created = from_attributes({name: event[name] for name in ("id", "type")}, event.data)
    except EventError as error:
        fail(f"event {event['id']}: {error}")  # again would be no better
        return
    SERVED.ready().answer_event(created)
