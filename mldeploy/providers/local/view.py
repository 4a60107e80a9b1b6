"""What a person is told about a deployment: the two records, and whether the supervisor lives, as a Status and as Outputs."""

from __future__ import annotations

from mldeploy.errors import MldeployError
from mldeploy.providers.contract import Outputs, Status
from mldeploy.providers.local import records, supervision
from mldeploy.providers.local.plan import NAME, VISIBILITY
from mldeploy.providers.local.records import Desired, Paths, Release, ReleaseState

STOPPED = "its supervisor does not run (it was killed, or the machine restarted); `up` starts it again"
UNREPORTED = "its supervisor has just started, or its report was lost; `up` asks for it"


def current(at: Paths) -> tuple[Desired | None, ReleaseState | None]:
    """The command's record, and the release that serves or should, as the living supervisor reports it.

    Raises DeployError for a record of a newer schema.
    """
    desired = records.read_desired(at, lambda text: None)
    report = supervision.observed(at)
    if report is None:
        return desired, None
    state = report.release(desired.serve.id) if desired is not None and desired.serve is not None else None
    return desired, state or next(iter(report.releases), None)


def status(name: str, stage: str, at: Paths) -> Status:
    """Never raises."""

    def plain(word: str, detail: str = "", fingerprint: str = "") -> Status:
        return Status(NAME, name, stage, word, detail, fingerprint)

    try:
        desired, state = current(at)
    except MldeployError as error:
        return plain("failing", error.message)
    supervisor = supervision.pid(at)
    serve = desired.serve if desired is not None else None
    if supervisor is None:
        return plain("absent") if serve is None else plain("stopped", STOPPED, serve.fingerprint)
    if state is None:
        return plain("starting", UNREPORTED)
    values = {
        "pid": state.pid,
        "supervisor_pid": supervisor,
        "restarts": state.restarts,
        "since": state.since,
        "log": str(at.log),
    }
    return Status(NAME, name, stage, _word(state), _detail(state), state.fingerprint, _url(state.port), values)


def outputs(name: str, stage: str, at: Paths, release: Release, state: ReleaseState | None, *, is_changed: bool) -> Outputs:
    """What `up` and `outputs` report; `state` is None when nothing runs."""
    values: dict[str, object] = {"log": str(at.log), "bundle": release.bundle}
    if state is not None:
        values = {"pid": state.pid, "supervisor_pid": supervision.pid(at), **values}
    url = _url(state.port if state is not None else release.port)
    return Outputs(NAME, name, stage, release.fingerprint, url, VISIBILITY, is_changed, values)


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _word(state: ReleaseState) -> str:
    """The contract's word for a release's phase."""
    if state.is_failing or state.phase == "failed":
        return "failing"
    return "serving" if state.phase == "serving" else "starting"


def _detail(state: ReleaseState) -> str:
    """A line for a person, and the last log lines when it fails."""
    times = "once" if state.restarts == 1 else f"{state.restarts} times"
    crashes = f"restarted {times}; last: {state.error}" if state.restarts else ""
    if state.is_failing:
        return f"crash loop: {crashes}{supervision.tail_text(state.tail)}"
    if state.phase in ("serving", "waiting"):
        return crashes
    return state.error or state.phase
