"""After a killed deployment: what was under way in the cloud is found again, so that a plain `up` converges.

    state with pending operations ─adopt (ids are known, because names are ours)─▶ state ─refresh─▶ what exists is read,
                                                                                    what does not falls out

A create that was under way may or may not have reached the cloud, and the engine knows no id of it; creating it again would
collide. Other pending operations are about resources that the state has, so that dropping the entry and reading them is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mldeploy.progress import Reporter
from mldeploy.stacks.automation import EngineFailure, Stack
from mldeploy.stacks.cloud import Cloud
from mldeploy.stacks.events import Watch, kind_of, name_of
from mldeploy.stacks.locks import cleared

State = dict[str, Any]


def settle(stack: Stack, cloud: Cloud, report: Reporter) -> State:
    """The stack's state, with nothing pending. Raises LockedError while somebody is at work on it."""
    state = stack.export()
    if not _pending(state):
        return state
    with report.step("recover", f"{stack.name}: the last run was killed") as step:
        lost: list[str] = []

        def put_back() -> list[str]:
            found = stack.export()  # anew each time: whoever held the lock may have finished some of it
            adopted, names, lost[:] = adopt(found, cloud)
            if _pending(found):
                stack.replace_state(adopted)
            return names

        names = cleared(stack, put_back, report)
        _read(stack, names, report)
        step.done(f"{stack.name}: looked for {', '.join(names)}" if names else f"{stack.name}: read anew")
    for name in lost:
        report.warn(f"{name} was being created when the last run was killed; it may be left over in the cloud")
    return stack.export()


def _read(stack: Stack, names: list[str], report: Reporter) -> None:
    try:
        cleared(stack, lambda: stack.refresh(Watch()), report)
    except EngineFailure:
        if not names:
            raise
        # The provider cannot read what is not there: then it is not there. What it can read comes back with the next create.
        report.warn(f"{stack.name}: {', '.join(names)} could not be read; going on without")
        state = stack.export()
        resources = state["deployment"].get("resources", [])
        state["deployment"]["resources"] = [entry for entry in resources if not _is_unread(entry)]
        stack.replace_state(state)


def _is_unread(entry: Mapping[str, Any]) -> bool:
    """Whether it was taken in and never read: everything else has outputs."""
    return bool(entry.get("custom")) and not entry.get("outputs") and not str(entry["type"]).startswith("pulumi:")


def adopt(state: State, cloud: Cloud) -> tuple[State, list[str], list[str]]:
    """`state` without pending operations: what was being created is taken in by its physical id. Also the names of what was
    taken in, and of what has no id that can be told. Pure."""
    deployment = dict(state.get("deployment") or {})
    resources: list[State] = [dict(entry) for entry in deployment.get("resources") or []]
    adopted, lost = [], []
    for operation in deployment.pop("pending_operations", None) or []:
        entry = operation["resource"]
        if operation.get("type") not in ("creating", "importing") or entry["type"].startswith("pulumi:"):
            continue  # a provider is no thing in the cloud: the engine sets it up again
        name = f"{kind_of(entry['type'])} {name_of(entry['urn'].rpartition('::')[2], entry.get('inputs') or {})}"
        identity = cloud.physical_id(entry["type"], entry.get("inputs") or {})
        if identity is None:
            lost.append(name)
        elif _take_in(resources, {**entry, "id": identity, "outputs": {}}):
            adopted.append(name)
    return {**state, "deployment": {**deployment, "resources": resources}}, adopted, lost


def _take_in(resources: list[State], entry: State) -> bool:
    """Add `entry`. One that it was to replace stays as one to delete, unless it is gone or the very same thing."""
    for index, other in enumerate(resources):
        if other["urn"] != entry["urn"] or other.get("delete"):
            continue
        if other.get("id") == entry["id"] and not other.get("pendingReplacement"):
            return False
        if other.get("pendingReplacement"):
            resources[index] = entry
        else:
            resources[index] = {**other, "delete": True}
            resources.insert(index, entry)
        return True
    resources.append(entry)
    return True


def _pending(state: Mapping[str, Any]) -> bool:
    return bool((state.get("deployment") or {}).get("pending_operations"))


def outputs_of(state: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a stack, from its state; empty before its first update succeeded."""
    for entry in (state.get("deployment") or {}).get("resources") or ():
        if entry.get("type") == "pulumi:pulumi:Stack":
            return dict(entry.get("outputs") or {})
    return {}


def has_resources(state: Mapping[str, Any]) -> bool:
    """Whether anything but the stack itself and its providers is recorded."""
    entries = (state.get("deployment") or {}).get("resources") or ()
    return any(not str(entry.get("type", "")).startswith("pulumi:") for entry in entries)
