"""Looking after what is deployed: what drifted (`refresh`), what was done (`history`), locks that nobody holds (`unlock`)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from mldeploy.errors import DeployError, LockedError
from mldeploy.progress import Reporter, SilentReporter
from mldeploy.providers.contract import Change, Event
from mldeploy.stacks import reading
from mldeploy.stacks.deployment import Deployment, Stacks
from mldeploy.stacks.records import Record

if TYPE_CHECKING:
    from mldeploy.stacks.automation import Stack

KINDS = {"update": "up", "refresh": "refresh", "destroy": "destroy", "import": "recovery"}
RESULTS = {"succeeded": "succeeded", "failed": "failed", "in-progress": "in-progress"}
_WORDS = {"create": "created", "update": "updated", "delete": "deleted", "replace": "replaced"}


def refresh(deployment: Deployment, report: Reporter) -> tuple[Change, ...]:
    """See `Stacked.refresh`. What was deleted by hand is made again by the next `up`."""
    from mldeploy.stacks.events import Watch
    from mldeploy.stacks.recovery import settle

    _, stacks = _present(deployment)
    drifted: list[Change] = []
    with deployment.locked(report):
        record, stacks = _present(deployment)
        deployment.cloud.verify(reading.document_of(record))
        for part, stack in (("registry", stacks.registry), ("service", stacks.service)):
            doing = f"the {part} of {deployment.title} could not be read"
            with report.step(part, "reading") as step:

                def read(stack: Stack = stack, watch: Watch | None = None) -> None:
                    if stack.exists():
                        settle(stack, deployment.cloud, report)
                        stack.refresh(watch or Watch())

                watch = Watch(step, is_looking=True)
                deployment.attempt(stack, doing, lambda read=read, watch=watch: read(watch=watch), report, watch)  # type: ignore[misc]
                found = [change for change in watch.changes if change.action != "same"]
                step.done(f"{len(found)} drifted" if found else "as recorded")
                drifted += found
        refreshed = reading.recalled(deployment, stacks, record)
        if refreshed is not None:
            deployment.save(refreshed)
    return tuple(drifted)


def history(deployment: Deployment, limit: int) -> tuple[Event, ...]:
    """See `Stacked.history`. Both stacks' updates in one list; the numbers count up over both."""
    if reading.current(deployment) is None:
        return ()
    stacks = deployment.open(deployment.record(), {})
    entries: list[tuple[str, dict[str, Any]]] = []
    for part, stack in (("registry", stacks.registry), ("service", stacks.service)):

        def ask(stack: Stack = stack) -> list[dict[str, Any]]:
            return stack.history(limit) if stack.exists() else []

        doing = f"the history of {deployment.title} could not be read"
        entries += [(part, entry) for entry in deployment.attempt(stack, doing, ask, SilentReporter())]
    entries.sort(key=lambda found: found[1].get("startTime", ""), reverse=True)
    return tuple(_event(len(entries) - index, *found) for index, found in enumerate(entries[:limit]))


def _event(number: int, part: str, entry: dict[str, Any]) -> Event:
    started, ended = _time(entry.get("startTime")), _time(entry.get("endTime"))
    duration_s = (ended - started).total_seconds() if started is not None and ended is not None else None
    changes = _without_stack(entry.get("resourceChanges") or {})
    told = ", ".join(f"{changes[kind]} {word}" for kind, word in _WORDS.items() if changes.get(kind)) or "unchanged"
    kind, result = str(entry.get("kind", "")), str(entry.get("result", ""))
    return Event(
        number,
        KINDS.get(kind, kind),
        RESULTS.get(result, "failed"),
        started.isoformat(timespec="seconds") if started is not None else "",
        duration_s,
        f"{part}: {told}",
    )


def _without_stack(changes: dict[str, int]) -> dict[str, int]:
    """The engine counts the stack itself as a resource: it is made first, removed last, and else the same."""
    if "same" in changes:
        return changes
    return {kind: count - 1 if kind in ("create", "delete") else count for kind, count in changes.items()}


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def unlock(deployment: Deployment, report: Reporter, *, is_forced: bool) -> bool:
    """See `Stacked.unlock`. This machine's own lock needs none: it goes with its holder."""
    from mldeploy.stacks.locks import owner_of

    if reading.current(deployment) is None:
        return False
    stacks = deployment.open(deployment.record(), {})
    removed = False
    for stack in (stacks.registry, stacks.service):

        def look(stack: Stack = stack) -> str | None:
            return stack.lock() if stack.exists() else None

        held = deployment.attempt(stack, f"{stack.name} could not be read", look, report)
        if held is None:
            continue
        owner = owner_of(held)
        if not is_forced and (owner is None or owner.is_alive):
            raise LockedError(
                f"{deployment.title} is locked by {owner or 'another update'}",
                "wait until that is done; if it is gone for good: mldeploy unlock --force",
            )
        deployment.attempt(stack, f"{stack.name} could not be unlocked", stack.cancel, report)
        report.note(f"{stack.name}: removed the lock of {owner or 'another update'}")
        removed = True
    return removed


def _present(deployment: Deployment) -> tuple[Record, Stacks]:
    record = reading.current(deployment)
    if record is None:
        raise DeployError(f"{deployment.title} is not deployed", f"mldeploy up --cloud {deployment.cloud.name}")
    return record, deployment.open(record, reading.document_of(record))
