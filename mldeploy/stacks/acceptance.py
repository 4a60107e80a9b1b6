"""Whether a release may serve: it answers, and its smoke requests are as expected.

A platform may need a while until a new address, permission or revision is known everywhere; until then refusals are no answer.
"""

from __future__ import annotations

import http.client
import time

from mldeploy.errors import SmokeError
from mldeploy.progress import Reporter
from mldeploy.providers.contract import Call, Endpoint
from mldeploy.smoke import run_smoke
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.stacks.deployment import Deployment
from mldeploy.stacks.reading import document_of
from mldeploy.stacks.records import Record

__all__ = ["READY_WAIT_S", "SmokeError", "check"]

READY_WAIT_S = 60.0
_PAUSE_S = 0.5
_PROBE_S = 30.0
# Not known yet (DNS, routing), not allowed yet (permissions travel), not started yet.
_PASSING = frozenset({401, 403, 404, 429, 500, 502, 503, 504})


def check(
    deployment: Deployment, loaded: LoadedSpec, record: Record, report: Reporter, *, is_candidate: bool, serving: str
) -> None:
    """Raises SmokeError that says what serves now; `serving` is the release that did before, "" for none."""
    endpoint = deployment.cloud.endpoint(document_of(record), record.outputs, is_candidate=is_candidate)
    _await_ready(endpoint, report)
    try:
        run_smoke(loaded, endpoint, report)
    except SmokeError as error:
        if is_candidate:
            standing = f"the release before ({serving}) keeps serving"
        elif serving and serving != str(record.outputs.get("release", "")):
            standing = f"the release before ({serving}) is put back"
        elif serving:
            standing = "this release was changed in place and serves as it is"
        else:
            standing = f"no release served before it; what was deployed is at {record.outputs.get('url')}"
        raise SmokeError(f"{error.message}\n{standing}", error.hint) from error


def _await_ready(endpoint: Endpoint, report: Reporter) -> None:
    """Until it says that it is ready, or has had time enough: the smoke requests then say what is wrong."""
    from mldeploy.calling import call

    request = Call("GET", "/v2/health/ready")
    deadline_s = time.monotonic() + READY_WAIT_S
    with report.step("ready", "waiting for the first answer") as step:
        while True:
            try:
                status = call(endpoint, request, _PROBE_S).status
                said = f"status {status}"
            except (OSError, http.client.HTTPException) as error:
                status, said = 0, str(error) or type(error).__name__
            if status and status not in _PASSING:
                step.done("answers")
                return
            if time.monotonic() >= deadline_s:
                step.done(f"not after {READY_WAIT_S:.0f} s: {said}")
                return
            step.update(f"waiting for the first answer ({said})")
            time.sleep(_PAUSE_S)
