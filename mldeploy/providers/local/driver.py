"""The effects on one local deployment. Reading (status, outputs, endpoint, logs) takes no lock and writes nothing."""

from __future__ import annotations

import hashlib
import http.client
import json
import secrets as random
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mldeploy import __version__
from mldeploy.bundle.contract import Bundle
from mldeploy.errors import DeployError, SmokeError
from mldeploy.plan import Plan
from mldeploy.progress import Reporter
from mldeploy.providers.contract import Endpoint, Outputs, Status
from mldeploy.providers.local import logs, records, references, supervision, view
from mldeploy.providers.local.plan import VISIBILITY
from mldeploy.providers.local.records import Desired, Observed, Paths, Release, ReleaseState
from mldeploy.providers.local.rollout import Rollout, failure, remove
from mldeploy.smoke import run_smoke
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.state import Lock

RUNTIME = (sys.executable, "-P", "-m", "mldeploy.handlers")
LOCK_WAIT_S = 5.0
READY_PROBE_S = 2.0
DEATH_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class LocalDriver:
    """Deployment (name, stage) on this machine. `command` starts a runtime; tests put another in its place."""

    name: str
    stage: str
    command: tuple[str, ...] = RUNTIME

    @property
    def at(self) -> Paths:
        return records.paths(self.name, self.stage)

    # ── up ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def up(self, plan: Plan, bundle: Bundle, loaded: LoadedSpec, report: Reporter) -> Outputs:
        at = self.at
        given = references.given(plan.secrets)  # one that is missing stops here, before anything exists
        if at.desired.exists():
            # First without the lock: nothing changed is the common case, and touches nothing.
            release = self._release(plan, bundle, loaded, given | references.generated(plan.secrets, at, may_make=False))
            unchanged = self._unchanged(records.read_desired(at, lambda text: None), release)
            if unchanged is not None:
                return unchanged
        with Lock(at.lock).held(LOCK_WAIT_S, lambda who: report.note(f"waiting for {who} to finish with {at.folder.name}")):
            desired = records.read_desired(at, report.warn) or Desired(self.name, self.stage, 0, None, None, None, ())
            secrets = given | references.generated(plan.secrets, at, may_make=True)
            release = self._release(plan, bundle, loaded, secrets)
            unchanged = self._unchanged(desired, release) or self._recovering(desired, release)
            if unchanged is not None:
                return unchanged
            release = release._replace(port=release.port or (desired.serve.port if desired.serve else 0))
            rollout = Rollout(at, desired, release, secrets, report)
            state = rollout.run(lambda ready: self._smoke(ready, secrets, loaded, report))
            return self._outputs(release, state, is_changed=True)

    def _release(self, plan: Plan, bundle: Bundle, loaded: LoadedSpec, secrets: Mapping[str, str]) -> Release:
        """The release that the plan asks for; of the secrets it keeps a digest."""
        port = plan.setting("clouds.local.port")
        release = Release(
            id=f"{bundle.short}-{random.token_hex(4)}",
            digest="",
            fingerprint=bundle.fingerprint,
            bundle=str(bundle.root),
            command=self.command,
            environment=dict(plan.environment),
            secrets=dict(plan.secrets),
            port=port or 0,
            is_port_fixed=port is not None,
            memory_mb=plan.setting("resources.memory_mb") or 0,
            timeout_s=float(plan.setting("resources.timeout_s")),
            start_timeout_s=float(plan.setting("clouds.local.start_timeout_s")),
            crash_loop_after=plan.setting("clouds.local.crash_loop_after"),
        )
        smoke = [request.model_dump(mode="json") for request in loaded.spec.smoke]
        covered = [__version__, release._replace(id=""), references.digest(secrets, str(self.at.folder)), smoke]
        return release._replace(digest=hashlib.sha256(json.dumps(covered).encode()).hexdigest())

    def _unchanged(self, desired: Desired | None, release: Release) -> Outputs | None:
        """Outputs when this very release serves and is ready, else None."""
        if desired is None or desired.serve is None or desired.serve.digest != release.digest:
            return None
        report = supervision.observed(self.at)
        state = report.release(desired.serve.id) if report is not None else None
        if state is None or state.phase != "serving" or not _is_ready(state):
            return None
        return self._outputs(desired.serve, state, is_changed=False)

    def _recovering(self, desired: Desired, release: Release) -> Outputs | None:
        """Outputs once this very release is back in service, when its supervisor is restarting it; None when it does not come.

        One that serves and is not ready may have crashed a moment ago; if that does not show in a second it hangs.
        """
        serve = desired.serve
        if serve is None or serve.digest != release.digest:
            return None
        deadline_s = time.monotonic() + release.start_timeout_s
        unready_pid, unready_since_s = 0, 0.0
        while time.monotonic() < deadline_s:
            report = supervision.observed(self.at)
            state = report.release(serve.id) if report is not None else None
            if state is None or state.is_failing:
                return None
            if state.phase == "serving":
                if _is_ready(state):
                    return self._outputs(serve, state, is_changed=False)
                if state.pid != unready_pid:
                    unready_pid, unready_since_s = state.pid, time.monotonic()
                elif time.monotonic() - unready_since_s > DEATH_TIMEOUT_S:
                    return None
            time.sleep(supervision.POLL_S)
        return None

    def _smoke(self, ready: ReleaseState, secrets: dict[str, str], loaded: LoadedSpec, report: Reporter) -> None:
        """The smoke requests, against the candidate's private socket."""
        endpoint = Endpoint(f"http://127.0.0.1:{ready.private_port}", _headers(secrets.get(references.KEY_NAME)), VISIBILITY)
        try:
            run_smoke(loaded, endpoint, report)
        except SmokeError as error:
            if error.__cause__ is None:  # it answered, only not as expected
                raise
            died = self._failed(ready.id)
            if died is None:
                raise
            raise SmokeError(f"{error.message}\n{failure('the release ended', died, '').message}", error.hint) from error

    def _failed(self, release_id: str) -> ReleaseState | None:
        """The release if it has ended, or does so in a moment: a broken connection is noticed before the end of its process."""

        def is_failed(report: Observed) -> ReleaseState | None:
            state = report.release(release_id)
            return state if state is not None and state.phase == "failed" else None

        try:
            return supervision.await_report(self.at, is_failed, DEATH_TIMEOUT_S, "")
        except DeployError:
            return None

    def _outputs(self, release: Release, state: ReleaseState | None, *, is_changed: bool) -> Outputs:
        return view.outputs(self.name, self.stage, self.at, release, state, is_changed=is_changed)

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def status(self) -> Status:
        return view.status(self.name, self.stage, self.at)

    def outputs(self) -> Outputs | None:
        desired, state = view.current(self.at)
        return (
            self._outputs(desired.serve, state, is_changed=False) if desired is not None and desired.serve is not None else None
        )

    def endpoint(self) -> Endpoint | None:
        """A key that this caller cannot resolve is left out; the endpoint will say that one is needed."""
        desired, state = view.current(self.at)
        if desired is None or desired.serve is None:
            return None
        key = {name: reference for name, reference in desired.serve.secrets.items() if name == references.KEY_NAME}
        try:
            values = references.given(key) | references.generated(key, self.at, may_make=False)
        except DeployError:
            values = {}
        return Endpoint(
            self._outputs(desired.serve, state, is_changed=False).url, _headers(values.get(references.KEY_NAME)), VISIBILITY
        )

    def logs(self, *, follow: bool, since_s: float | None, tail: int | None) -> Iterator[str]:
        if not self.at.folder.is_dir():
            raise DeployError(f"{self.name} (stage {self.stage}) is not deployed on this machine", "mldeploy up --cloud local")
        if follow:
            return logs.follow(self.at.log, since_s=since_s, tail=tail)
        return iter(logs.read(self.at.log, since_s=since_s, tail=tail))

    # ── destroy ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def destroy(self, report: Reporter) -> bool:
        at = self.at
        if not at.folder.is_dir():
            return False
        with (
            Lock(at.lock).held(LOCK_WAIT_S, lambda who: report.note(f"waiting for {who} to finish with {at.folder.name}")),
            report.step("destroy", "stopping") as step,
        ):
            remove(at)
            if Path(at.folder).exists():
                raise DeployError(f"{at.folder} could not be removed", "make it writable and run destroy again")
            step.done("processes, key, logs and records are gone")
        return True


def _headers(key: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


def _is_ready(state: ReleaseState) -> bool:
    """Whether the runtime itself says so, on its private socket."""
    connection = http.client.HTTPConnection("127.0.0.1", state.private_port, timeout=READY_PROBE_S)
    try:
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
