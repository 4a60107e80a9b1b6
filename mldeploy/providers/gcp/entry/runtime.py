"""The runtime as Google Cloud wants it: log lines that Cloud Logging understands, and a route for object events.

    /events/objects ─▶ CloudEvent ─▶ wanted? ─▶ read, predict, write ─▶ 204
                          └─ 400        └─ 204     └─ what may pass by waiting: 503, and Eventarc delivers it again

The route exists where a trigger is configured (events.py). Events read and write over the network, so they belong in the pool:
a deployment with a trigger runs every prediction there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mldeploy.handlers.account import Account
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.core import Runtime
from mldeploy.handlers.engines import Engine
from mldeploy.handlers.log import clean, traceback_text
from mldeploy.handlers.message import Request, Response
from mldeploy.handlers.objects import ObjectEvent, Outcome, Transient, answer_object, results_from
from mldeploy.providers.gcp.entry.events import PATH, EventError, object_event, trigger_from
from mldeploy.providers.gcp.entry.log import CloudLog

if TYPE_CHECKING:
    from mldeploy.providers.gcp.entry.storage import Storage


class CloudRuntime(Runtime):
    """A Runtime that reads its surroundings from `environ`. Raises ConfigError when they contradict each other."""

    def __init__(self, bundle_dir: str, config: ServingConfig, environ: Mapping[str, str]) -> None:
        super().__init__(bundle_dir, config)
        context = {"model": self.manifest.name, "stage": config.stage}
        self.log: CloudLog = CloudLog(context, environ.get("GOOGLE_CLOUD_PROJECT", ""))
        self.trigger = trigger_from(environ, config.access)
        self._results = results_from(environ)
        self._environ = environ
        self._stored: Storage | None = None

    def load(self, engine: Engine | None = None) -> None:
        super().load(engine)
        self.is_heavy = self.is_heavy or self.trigger is not None

    def is_prediction(self, request: Request) -> bool:
        return self._is_event(request) or super().is_prediction(request)

    def answer(self, request: Request) -> tuple[Response, Account]:
        if self._is_event(request):
            return self._deliver(request), Account(_nothing, _nothing)  # what it came to has been logged and counted
        response, account = super().answer(request)
        return response, Account(self.log.traced(request.headers, account.settle), account.drop)

    def answer_event(self, event: ObjectEvent | None) -> Outcome:
        """Predict the object of an event and write the answer. Raises Transient when it should be delivered again."""
        reason = "nothing was created" if event is None else ""
        if event is not None and self.trigger is not None:
            reason = self.trigger.unwanted(event)
        if event is None or reason:
            self.log.event("info", "event skipped", key=clean(event.key) if event else "", reason=reason)
            return Outcome("skipped", reason=reason)
        storage = self._storage()
        return answer_object(self, event, storage.read, storage.write, self._results)

    def _storage(self) -> Storage:
        if self._stored is None:  # http.client takes longer to import than a small model to load: only events pay for it
            from mldeploy.providers.gcp.entry.storage import Storage

            self._stored = Storage(self._environ)
        return self._stored

    def _is_event(self, request: Request) -> bool:
        return request.path == PATH and request.method == "POST" and self.trigger is not None

    def _deliver(self, request: Request) -> Response:
        """The answer to one delivery. Never raises."""
        try:
            self.answer_event(object_event(request.headers, request.body))
        except EventError as error:
            return self._refuse(request, "bad-request", str(error))
        except (Transient, OSError) as error:
            self.log.event("error", "event failed", reason=clean(str(error), 1000))
            return self._refuse(request, "not-ready", "the event cannot be answered now; the log has the reason")
        except BaseException as error:
            self.log.event("error", "event failed", traceback=traceback_text(error))
            return self._refuse(request, "internal", "the runtime failed; the log has the reason")
        return Response(204, (), b"")

    def _refuse(self, request: Request, slug: str, detail: str) -> Response:
        return self.reject(slug, detail, request.id, method=request.method, path=request.path, bytes_in=len(request.body))


def _nothing() -> None:
    return
