"""One engine run of a cloud's bootstrap program: previewed, then made. A stack of its own beside those of the deployment.

    Bootstrap ─preview─▶ changes ─(somebody says yes)─▶ up ─▶ outputs: the GitHub variables

What it makes is where CI keeps its state, so its own state is elsewhere: on this machine, or where PULUMI_BACKEND_URL says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from mldeploy.plan import Plan
from mldeploy.progress import Reporter
from mldeploy.providers.contract import Change
from mldeploy.stacks import backend, engine, inline
from mldeploy.stacks.cloud import Cloud
from mldeploy.state import make_folder, state_dir

if TYPE_CHECKING:
    from mldeploy.stacks.automation import Stack
    from mldeploy.stacks.events import Watch

PROJECT = "mldeploy-bootstrap"
T = TypeVar("T")


@dataclass(frozen=True)
class Bootstrap:
    """`program` with `document`, for the deployment of `plan`."""

    cloud: Cloud
    plan: Plan
    program: Callable[[Mapping[str, Any]], None]
    document: Mapping[str, Any]
    report: Reporter

    @property
    def stack_name(self) -> str:
        return f"{self.cloud.name}.{self.plan.name}.{self.plan.stage}"

    @cached_property
    def _stack(self) -> Stack:
        """Made on first use. Raises ProviderError without an engine, and what the engine says of the backend."""
        from mldeploy.stacks.automation import Command, Stack

        chosen = backend.choose(None, None)
        place = engine.find()
        command = Command(place, engine.version(place), chosen.hidden)
        folder = make_folder(state_dir() / "bootstrap" / self.stack_name)
        stack = Stack(command, PROJECT, self.stack_name, folder, chosen.environment(), chosen.secrets_provider)
        stack.prepare(self.cloud.config(self.plan.program))
        if not self._tried(stack, stack.exists):
            self._tried(stack, stack.create)
        return stack

    def preview(self) -> tuple[Change, ...]:
        """What would change. Raises ProviderError without credentials that the cloud takes, DeployError and its kin."""
        self.cloud.verify(self.plan.program)
        return self._watched("comparing", lambda stack, watch: stack.preview(self._run, watch), is_looking=True).changes

    def up(self) -> dict[str, Any]:
        """Make it so; the outputs."""
        from mldeploy.stacks.recovery import outputs_of

        made: list[dict[str, Any]] = []
        self._watched("looking", lambda stack, watch: made.append(stack.up(self._run, watch)), is_looking=False)
        return outputs_of(made[0])

    def _run(self) -> None:
        self.program(self.document)

    def _watched(self, doing: str, work: Callable[[Stack, Watch], Any], *, is_looking: bool) -> Watch:
        from mldeploy.stacks.events import Watch

        stack = self._stack
        with self.report.step("bootstrap", doing) as step:
            watch = Watch(step, is_looking=is_looking)
            self._tried(stack, lambda: work(stack, watch), watch)
            step.done(watch.summary())
        return watch

    def _tried(self, stack: Stack, work: Callable[[], T], watch: Watch | None = None) -> T:
        """`work`, with a dead holder's lock cleared once and a failure explained."""
        from mldeploy.stacks.automation import EngineFailure
        from mldeploy.stacks.diagnostics import explained
        from mldeploy.stacks.locks import cleared

        try:
            return cleared(stack, work, self.report)
        except EngineFailure as failure:
            doing = f"what CI needs on {self.cloud.title} could not be made"
            raise explained(failure, watch.errors if watch is not None else (), self.cloud, doing) from failure


def prepared(cloud: Cloud, plan: Plan, program: Callable[[], Any], document: Mapping[str, Any], report: Reporter) -> Bootstrap:
    """Raises ProviderError when the cloud's SDK is not installed."""
    inline.programs(cloud)  # the same SDK, and the same words where it is missing
    return Bootstrap(cloud, plan, program(), document, report)
