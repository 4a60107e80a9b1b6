"""What is deployed, without changing it: from the record where that is the truth, else from the engine's state.

State on this machine is only ever changed together with the record. State elsewhere may have been changed by another machine,
so it is asked first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mldeploy.errors import ProviderError
from mldeploy.providers.contract import Outputs, Status
from mldeploy.stacks import inline, records
from mldeploy.stacks.cloud import Cloud
from mldeploy.stacks.deployment import REGISTRY, SERVICE, Deployment, Stacks
from mldeploy.stacks.records import DEPLOYED, Record
from mldeploy.state import Lock

_OWN_KEYS = ("url", "visibility")


def current(deployment: Deployment) -> Record | None:
    """The deployment as it is known; None when there is none. Raises ProviderError when only an engine that is missing could
    tell."""
    record = deployment.record()
    chosen = deployment.backend(record)
    if chosen.is_local and (record is not None or not _is_stored(deployment, chosen.url)):
        return record
    try:
        stacks = deployment.open(record, {})
    except ProviderError:
        if record is None:
            raise
        return record
    return recalled(deployment, stacks, record)


def _is_stored(deployment: Deployment, url: str) -> bool:
    """Whether the engine's own files on this machine know the deployment; looked up without starting it."""
    folder = Path(url.removeprefix("file://")) / ".pulumi" / "stacks" / deployment.name
    return any((folder / f"{deployment.stack_name(part)}.json").exists() for part in (REGISTRY, SERVICE))


def recalled(deployment: Deployment, stacks: Stacks, record: Record | None) -> Record | None:
    """The record, made anew from the stacks' outputs; None when there are no stacks."""
    from mldeploy.progress import SilentReporter
    from mldeploy.stacks.events import Watch
    from mldeploy.stacks.recovery import outputs_of

    found: list[Mapping[str, Any]] = []
    for stack in (stacks.registry, stacks.service):
        doing = f"the state of {deployment.title} could not be read"

        def read(stack: Any = stack) -> Mapping[str, Any] | None:
            return outputs_of(stack.export()) if stack.exists() else None

        outputs = deployment.attempt(stack, doing, read, SilentReporter(), Watch())
        if outputs is not None:
            found.append(outputs)
    if not found:
        return None
    return merged(record or Record(deployment.name, deployment.stage, deployment.backend(record), DEPLOYED), *found)


def merged(record: Record, *outputs: Mapping[str, Any]) -> Record:
    """`record` with what the stacks say of themselves."""
    values = {name: value for part in outputs for name, value in part.items()}
    applied = inline.from_text(values.get(inline.APPLIED))
    return replace(
        record,
        owner=values.get(inline.OWNER, record.owner),
        document=inline.from_text(values.get(inline.DOCUMENT)) or record.document,
        applied=applied.get("document", record.applied),
        fingerprint=applied.get("fingerprint", record.fingerprint),
        image_tag=applied.get("image_tag", record.image_tag),
        outputs={**record.outputs, **{name: value for name, value in values.items() if name not in inline.OWN_OUTPUTS}},
    )


def without_service(record: Record) -> Record:
    """`record` once nothing serves any more: no release is live, and none was accepted."""
    return replace(record, applied={}, outputs={}, accepted="", image_tag="")


def document_of(record: Record) -> Mapping[str, Any]:
    """What the cloud's methods are given: the service's document once there is one."""
    return record.applied or record.document


def is_serving(record: Record) -> bool:
    """Whether a service was ever completed."""
    return bool(record.outputs.get("url"))


def outputs(cloud: Cloud, record: Record, *, is_changed: bool = False) -> Outputs:
    """As `up` and `outputs` report them."""
    values = {name: value for name, value in record.outputs.items() if name not in _OWN_KEYS}
    image = record.applied.get("image")
    return Outputs(
        cloud.name,
        record.name,
        record.stage,
        record.fingerprint,
        str(record.outputs.get("url", "")),
        str(record.outputs.get("visibility", "")),
        is_changed,
        {**values, **({"image": image} if image else {}), "state": record.backend.url},
    )


def status(deployment: Deployment) -> Status:
    """As the record and the cloud say. Without credentials: as last recorded, and that it is so."""
    record = current(deployment)
    if record is None:
        return Status(deployment.cloud.name, deployment.name, deployment.stage, "absent")
    known = recorded_status(deployment.cloud, record)
    if known.state != "serving":
        return known
    try:
        health = deployment.cloud.health(document_of(record), record.outputs)
    except (ProviderError, ImportError) as error:
        reason = error.message if isinstance(error, ProviderError) else str(error)
        return replace(known, detail=f"as last recorded; the cloud was not asked: {reason}")
    return replace(known, state=health.state, detail=" · ".join(part for part in (health.detail, known.detail) if part))


def recorded_status(cloud: Cloud, record: Record) -> Status:
    """What this machine remembers; asks nobody."""
    lock = Lock(records.paths(cloud.name, record.name, record.stage).lock)
    state, detail = "serving", ""
    if record.phase != DEPLOYED:
        what = "destroy" if record.phase == records.DESTROYING else "up"
        if lock.is_held():
            state, detail = "starting", f"`{what}` is at work: {lock.holder()}"
        else:
            detail = f"the last `{what}` was not finished; run it again"
            state = "serving" if is_serving(record) and what == "up" else "failing"
    elif not is_serving(record):
        state, detail = "failing", "there is no service; run `up` again"
    url = str(record.outputs.get("url", ""))
    return Status(cloud.name, record.name, record.stage, state, detail, record.fingerprint, url, {"updated": record.updated})


def deployments(cloud: Cloud) -> Iterable[Status]:
    """Every deployment that this machine remembers. No network, no engine."""
    return [recorded_status(cloud, record) for record in records.known(cloud.name)]
