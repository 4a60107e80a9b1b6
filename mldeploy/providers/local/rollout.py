"""How a release comes into service. The deployment's lock is held throughout; what is interrupted, the next up takes up.

candidate starts on a private socket ─▶ ready ─▶ smoke requests ─▶ commit: it accepts, the old one drains ─▶ old bundles go
                 └──────── fails ────────┴── fails ──▶ the candidate ends; the old one has served all the time
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mldeploy.errors import DeployError, MldeployError
from mldeploy.progress import Reporter
from mldeploy.providers.local import inbox, process, pruning, records, references, supervision
from mldeploy.providers.local.records import Desired, Observed, Paths, Release, ReleaseState

COMMIT_TIMEOUT_S = 15.0
DRAIN_WAIT_S = 1.5  # silent connections are closed after one second
ROLLBACK_TIMEOUT_S = 10.0
START_MARGIN_S = 5.0  # beyond the release's own start timeout, for the supervisor to say that it passed
Smoke = Callable[[ReleaseState], None]


class Rollout:
    """One attempt to put `release` into service in place of what `desired` has (None: nothing, or a damaged record)."""

    def __init__(self, at: Paths, desired: Desired, release: Release, secrets: Mapping[str, str], report: Reporter) -> None:
        self._at = at
        self._before = desired
        self._release = release
        self._secrets = secrets
        self._report = report
        self._generation = desired.generation
        self._is_committed = False

    def run(self, smoke: Smoke) -> ReleaseState:
        """Returns the release as it serves. Raises DeployError, or what `smoke` raises; what served before serves on then."""
        pruning.touch(Path(self._release.bundle))
        with self._rolled_back_on_failure():
            with self._report.step("serve", "starting") as step:
                state = self._begin()
                step.done(f"pid {state.pid} · 127.0.0.1:{state.port} · ready")
            smoke(state)
            state = self._commit(state)
        pruning.prune(set(self._before.history) - set(pruning.remember(self._release.bundle, self._before.history)))
        return state

    # ── start ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self) -> ReleaseState:
        """Start the candidate; returns it when it is ready. A supervisor may be about to end when it is asked, because a killed
        command left it nothing to do: then another one is.
        """
        try:
            self._declare_candidate()
            return self._await_ready()
        except supervision.SupervisorEndedError:
            self._declare_candidate()
            return self._await_ready()

    def _declare_candidate(self) -> None:
        """To the supervisor that is there, or to a new one."""
        is_supervised = supervision.pid(self._at) is not None
        secrets = {self._release.id: self._secrets}
        serve = self._before.serve
        if not is_supervised:
            supervision.end_orphans(self._at)
            restored = self._restorable(serve)
            serve = serve if restored is not None else None
            secrets |= {serve.id: restored} if serve is not None and restored is not None else {}
        claimant = (os.getpid(), process.identity(os.getpid()))
        self._declare(serve, self._release, claimant)
        if not is_supervised:
            supervision.start(self._at, secrets)
        else:
            with contextlib.suppress(inbox.UnheardError):  # waiting for the candidate will show that nobody is there
                inbox.send(self._at.inbox, secrets)

    def _restorable(self, serve: Release | None) -> Mapping[str, str] | None:
        """The secrets of the release that served before its supervisor ended, if it should and can serve again meanwhile.

        The same release under a new id needs no second process.
        """
        if serve is None or serve.digest == self._release.digest or not (Path(serve.bundle) / pruning.MANIFEST).is_file():
            return None
        try:
            return references.given(serve.secrets) | references.generated(serve.secrets, self._at, may_make=True)
        except MldeployError as error:
            self._report.warn(f"release {serve.fingerprint[:7]} stays stopped: {error.message}")
            return None

    def _declare(
        self,
        serve: Release | None,
        candidate: Release | None,
        claimant: tuple[int, str] | None,
        history: tuple[str, ...] | None = None,
    ) -> None:
        self._generation += 1
        records.write_desired(
            self._at,
            self._before._replace(
                generation=self._generation,
                serve=serve,
                candidate=candidate,
                claimant=claimant,
                history=self._before.history if history is None else history,
            ),
        )

    def _await_ready(self) -> ReleaseState:
        def is_settled(report: Observed) -> ReleaseState | None:
            state = report.release(self._release.id)
            return state if state is not None and state.phase in ("ready", "failed") else None

        state = supervision.await_report(
            self._at, is_settled, self._release.start_timeout_s + START_MARGIN_S, f"{self._before.name} did not start"
        )
        if state.phase == "failed":
            raise failure(f"{self._before.name} did not start", state, "mend the cause and run the command again")
        return state

    # ── commit ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _commit(self, ready: ReleaseState) -> ReleaseState:
        """From the moment the record is written the new release is the one to serve, whatever happens to this process."""
        release = self._release._replace(port=ready.port)
        self._declare(release, None, None, pruning.remember(release.bundle, self._before.history))
        self._is_committed = True
        inbox.send(self._at.inbox, {})

        def is_serving(report: Observed) -> ReleaseState | None:
            state = report.release(release.id)
            return state if state is not None and state.phase == "serving" else None

        state = supervision.await_report(
            self._at, is_serving, COMMIT_TIMEOUT_S, f"{self._before.name} was not put into service"
        )
        with contextlib.suppress(DeployError):  # a long prediction may go on; by then nothing new reaches the one before
            supervision.await_report(
                self._at, lambda now: True if len(now.releases) == 1 else None, DRAIN_WAIT_S, "the release before drains"
            )
        return state

    # ── failure ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _rolled_back_on_failure(self) -> Iterator[None]:
        """Also on an interrupt. After the commit there is nothing to roll back: the supervisor finishes the switch."""
        try:
            yield
        except BaseException:
            if not self._is_committed:
                self._roll_back()
            raise

    def _roll_back(self) -> None:
        """Leave what was there: the release before, or (at a first up) nothing at all."""
        report = supervision.observed(self._at)
        others = [state for state in report.releases if state.id != self._release.id] if report is not None else []
        with contextlib.suppress(DeployError):  # the failure that led here is the one to report
            if report is not None and others:
                self._declare(self._before.serve, None, None)
                inbox.send(self._at.inbox, {})
                supervision.await_report(
                    self._at,
                    lambda now: True if now.release(self._release.id) is None else None,
                    ROLLBACK_TIMEOUT_S,
                    "the candidate does not end",
                )
            elif self._before.serve is not None:
                supervision.end(self._at)
                self._declare(self._before.serve, None, None)
            else:
                remove(self._at)


def failure(what: str, state: ReleaseState, hint: str) -> DeployError:
    """A release's failure with its cause and last log lines."""
    if state.error.startswith("port "):
        hint = "end that process, or choose another port, and run the command again"
    if state.error.startswith("out of memory"):
        hint = "raise resources.memory_mb, or use a smaller model"
    return DeployError(f"{what}: {state.error}{supervision.tail_text(state.tail)}", hint)


def remove(at: Paths) -> None:
    """End everything and remove the deployment's folder."""
    import shutil

    supervision.end(at)
    shutil.rmtree(at.folder, ignore_errors=True)
