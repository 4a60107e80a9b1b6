"""`destroy`: service, then what the engine does not know (images), then registry; then the cloud is asked what is left.

Each step may be repeated: what a stopped `destroy` left is removed by the next one. The record goes last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mldeploy.errors import DeployError
from mldeploy.progress import Reporter
from mldeploy.stacks import engine, owner, reading, records
from mldeploy.stacks.deployment import Deployment
from mldeploy.stacks.records import DESTROYING, Record

if TYPE_CHECKING:
    from mldeploy.stacks.automation import Stack


def destroy(deployment: Deployment, report: Reporter) -> bool:
    """See `Driver.destroy`."""
    if reading.current(deployment) is None:
        return False
    engine.find()
    with deployment.locked(report):
        record = deployment.record()
        stacks = deployment.open(record, reading.document_of(record) if record is not None else {})
        record = reading.recalled(deployment, stacks, record)
        if record is None:  # somebody else's `destroy` was faster, or only the record was left
            records.forget(deployment.at)
            return False
        if deployment.loaded is not None:
            owner.check(record.owner, owner.of(deployment.loaded.root), deployment.title)
        document = reading.document_of(record)
        if document:
            deployment.cloud.verify(document)
            stacks = deployment.open(record, document)
        record = deployment.save(replace(record, phase=DESTROYING))
        _remove(deployment, stacks.service, "service", report)
        deployment.save(reading.without_service(record))
        if document:
            deployment.cloud.before_destroy(document, record.outputs, report)
        _remove(deployment, stacks.registry, "registry", report)
        _look_for_residue(deployment, document, report)
        _forget(deployment, record, [stacks.service, stacks.registry], report)
    return True


def _remove(deployment: Deployment, stack: Stack, part: str, report: Reporter) -> None:
    """All resources of a stack, where it is there."""
    from mldeploy.stacks.events import Watch
    from mldeploy.stacks.recovery import has_resources, settle

    doing = f"the {part} of {deployment.title} could not be removed"
    with report.step(part, "looking") as step:
        is_there = deployment.attempt(
            stack, doing, lambda: stack.exists() and has_resources(settle(stack, deployment.cloud, report)), report
        )
        watch = Watch(step)
        if is_there:
            deployment.attempt(stack, doing, lambda: stack.destroy(watch), report, watch)
        step.done(watch.summary() if is_there else "nothing to remove")


def _look_for_residue(deployment: Deployment, document: Mapping[str, Any], report: Reporter) -> None:
    """Raises DeployError that lists what is still there; the stacks stay, so that `destroy` can be run again."""
    if not document:
        return
    with report.step("residue", "asking the cloud what is left") as step:
        left = list(deployment.cloud.residue(document))
        if left:
            raise DeployError(
                f"{deployment.title}: {len(left)} left after destroy:\n" + "\n".join(f"  {item}" for item in left),
                "remove them by hand, or run destroy again when nothing uses them",
            )
        step.done("nothing is left")


def _forget(deployment: Deployment, record: Record, stacks: list[Stack], report: Reporter) -> None:
    """The stacks with their history, and then the record."""
    for stack in stacks:

        def remove(stack: Stack = stack) -> None:
            if stack.exists():
                stack.remove()

        deployment.attempt(stack, f"{stack.name} could not be removed", remove, report)
    records.forget(deployment.at)
