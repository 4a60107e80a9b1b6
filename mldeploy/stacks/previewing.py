"""`preview`: what `up` would change, from the engine and the account where both are there, else from the program alone.

    engine found, credentials good ─▶ registry and service previewed by the engine
    offline, or one of them missing ─▶ programs under mocks, compared with what was deployed last

Nothing is changed: a deployment that does not exist yet is previewed on state that is thrown away afterwards.
"""

from __future__ import annotations

import hashlib
import secrets as random
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mldeploy import __version__
from mldeploy.bundle.contract import Bundle
from mldeploy.errors import DeployError, ProviderError
from mldeploy.plan import Plan
from mldeploy.progress import Reporter
from mldeploy.providers.contract import Change, Preview
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.stacks import engine, inline, owner, reading, release, secret_values
from mldeploy.stacks.deployment import REGISTRY, SERVICE, Deployment
from mldeploy.stacks.records import Record
from mldeploy.stacks.release import Artifact

if TYPE_CHECKING:
    from mldeploy.stacks.automation import Stack

ONLINE = "the engine and the account"
OFFLINE = "the program and the last known state"
VISIBILITY = {"public": "PUBLIC: no key is asked for", "key": "key: callers send an API key", "private": "private"}


@dataclass(frozen=True)
class Wanted:
    """Both programs as `up` would run them, and what stands in them for what only `up` will know."""

    registry: Callable[[], None]
    service: Callable[[], None]
    words: Mapping[str, str]


def preview(
    deployment: Deployment, plan: Plan, bundle: Bundle, loaded: LoadedSpec, report: Reporter, *, is_offline: bool
) -> Preview:
    """See `Stacked.preview`."""
    programs = inline.programs(deployment.cloud)
    obstacle = "offline" if is_offline else _obstacle(deployment, plan)
    record = deployment.record() if obstacle else reading.current(deployment)
    visibility = VISIBILITY.get(plan.access, plan.access)
    with tempfile.TemporaryDirectory(prefix="mldeploy-") as folder:
        wanted = _wanted(deployment, plan, bundle, loaded, record, programs, report, Path(folder))
        if obstacle:
            changes = _offline(deployment, plan, record, wanted, programs)
            deployed_by = f" (as mldeploy {record.version} deployed it)" if record and record.version != __version__ else ""
            return Preview(changes, f"{OFFLINE}{deployed_by}; {obstacle}", visibility)
        return Preview(_by_engine(deployment, plan, record, wanted, report, Path(folder)), ONLINE, visibility)


def _obstacle(deployment: Deployment, plan: Plan) -> str:
    """Why the engine cannot be asked; "" when it can."""
    try:
        engine.find()
        deployment.cloud.verify(plan.program)
    except ProviderError as error:
        return error.message
    return ""


def _wanted(
    deployment: Deployment,
    plan: Plan,
    bundle: Bundle,
    loaded: LoadedSpec,
    record: Record | None,
    programs: tuple[Any, Any],
    report: Reporter,
    folder: Path,
) -> Wanted:
    mine = owner.of(loaded.root)
    if record is not None:
        owner.check(record.owner, mine, deployment.title)
    try:
        given = secret_values.given(plan.secrets, loaded.root)
    except DeployError as error:
        report.warn(f"{error.message}; `up` will need it")
        given = {}
    artifact, words = _artifact(deployment, plan, bundle, record, folder)
    name = release.name(plan, artifact.tag, given)
    document = release.document(plan, artifact, name, live="")
    return Wanted(
        inline.registry(programs[0], plan.program, mine),
        inline.service(programs[1], document, plan.fingerprint, artifact.tag),
        words,
    )


def _artifact(
    deployment: Deployment, plan: Plan, bundle: Bundle, record: Record | None, folder: Path
) -> tuple[Artifact, dict[str, str]]:
    """What the service would be made of. An image that is not there yet has no digest: one stands in for it."""
    if plan.image is None:
        if bundle.is_packed:
            return release.source(deployment.cloud, plan, bundle, folder / "source"), {}
        (folder / "source").mkdir()  # nothing to render yet
        return Artifact(plan.fingerprint, deployment.cloud.artifact(plan.program, str(folder / "source"))), {}
    from mldeploy import image

    tag = image.tag(plan, bundle) if bundle.is_packed else plan.fingerprint
    if record is not None and record.image_tag == tag and record.applied.get("image"):
        return Artifact(tag, {"image": record.applied["image"]}), {}
    repository = record.outputs.get("repository") if record is not None else None
    pinned = f"{repository or 'registry.invalid/' + plan.name}@sha256:{hashlib.sha256(tag.encode()).hexdigest()}"
    return Artifact(tag, {"image": pinned}), {pinned: f"new image {tag[:12]}"}


# ── without engine ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _offline(
    deployment: Deployment, plan: Plan, record: Record | None, wanted: Wanted, programs: tuple[Any, Any]
) -> tuple[Change, ...]:
    from mldeploy.stacks import offline

    def run(part: str, program: Callable[[], None], document: Mapping[str, Any]) -> Any:
        config = deployment.cloud.config(document)
        return offline.resources(program, deployment.name, deployment.stack_name(part), config)

    old_registry: Any = {}
    old_service: Any = {}
    if record is not None and record.outputs and record.document:
        old_registry = run(REGISTRY, inline.registry(programs[0], record.document, ""), record.document)
    if record is not None and record.applied:
        applied = {**record.applied, "live": ""}
        old_service = run(SERVICE, inline.service(programs[1], applied, "", ""), record.document)
    return (
        *offline.compare(old_registry, run(REGISTRY, wanted.registry, plan.program), wanted.words),
        *offline.compare(old_service, run(SERVICE, wanted.service, plan.program), wanted.words),
    )


# ── with engine ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _by_engine(
    deployment: Deployment, plan: Plan, record: Record | None, wanted: Wanted, report: Reporter, folder: Path
) -> tuple[Change, ...]:
    changes: list[Change] = []
    for part, program in ((REGISTRY, wanted.registry), (SERVICE, wanted.service)):
        stack = _existing(deployment, record, plan, part, report) or _passing(deployment, plan, part, folder / "state")
        changes += _asked(deployment, stack, part, program, wanted.words, report)
    return tuple(changes)


def _existing(deployment: Deployment, record: Record | None, plan: Plan, part: str, report: Reporter) -> Stack | None:
    if record is None:
        return None
    stacks = deployment.open(record, plan.program)
    stack = stacks.registry if part == REGISTRY else stacks.service
    is_there = deployment.attempt(stack, f"the {part} of {deployment.title} could not be read", stack.exists, report)
    return stack if is_there else None


def _passing(deployment: Deployment, plan: Plan, part: str, folder: Path) -> Stack:
    """A new stack on state of its own in `folder`, which its caller deletes; encrypted with a passphrase that goes with it."""
    from mldeploy.stacks import backend
    from mldeploy.stacks.automation import Command, Stack

    place = engine.find()
    folder.mkdir(exist_ok=True)
    own = backend.Backend(f"file://{folder}", "passphrase", "")
    key = folder / "passphrase"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(random.token_urlsafe(32))
    stack = Stack(
        Command(place, engine.version(place), (backend.PASSPHRASE,)),
        deployment.name,
        deployment.stack_name(part),
        folder,
        own.environment() | {backend.PASSPHRASE_FILE: str(key)},
        own.secrets_provider,
    )
    stack.prepare(deployment.cloud.config(plan.program))
    stack.create()
    return stack


def _asked(
    deployment: Deployment, stack: Stack, part: str, program: Callable[[], None], words: Mapping[str, str], report: Reporter
) -> tuple[Change, ...]:
    from mldeploy.stacks.events import Watch

    with report.step(part, "comparing") as step:
        watch = Watch(step, words, is_looking=True)
        doing = f"the {part} of {deployment.title} could not be previewed"
        deployment.attempt(stack, doing, lambda: stack.preview(program, watch), report, watch)
        step.done(watch.summary())
    return watch.changes
