"""`up`: registry, image, secrets, service; a new release is asked before it serves.

    registry up ─▶ image found or built and pushed ─▶ secrets stored ─▶ service up (old release live) ─▶ smoke ─▶ service up

Every step may be repeated: whoever is stopped in between runs `up` again. The record says `updating` until all is done.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mldeploy.bundle.contract import Bundle
from mldeploy.plan import Plan
from mldeploy.progress import Reporter
from mldeploy.providers.contract import Outputs
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.stacks import acceptance, engine, inline, owner, reading, release, secret_values
from mldeploy.stacks.cloud import Program
from mldeploy.stacks.deployment import Deployment, Stacks
from mldeploy.stacks.records import DEPLOYED, UPDATING, Record
from mldeploy.stacks.release import Artifact

if TYPE_CHECKING:
    from mldeploy.stacks.automation import Stack


def up(deployment: Deployment, plan: Plan, bundle: Bundle, loaded: LoadedSpec, report: Reporter) -> Outputs:
    """See `Driver.up`. What is missing on this machine is found before anything is made."""
    programs = inline.programs(deployment.cloud)
    engine.find()
    given = secret_values.given(plan.secrets, loaded.root)
    deployment.cloud.verify(plan.program)
    with deployment.locked(report):
        return Rollout(deployment, plan, bundle, loaded, report, programs, given).run()


@dataclass
class Rollout:
    """One `up` under way: the record grows with every step, and is saved."""

    deployment: Deployment
    plan: Plan
    bundle: Bundle
    loaded: LoadedSpec
    report: Reporter
    programs: tuple[Program, Program]
    given: Mapping[str, str]
    changed: list[str] = field(default_factory=list)

    def run(self) -> Outputs:
        known = self.deployment.record()
        stacks = self.deployment.open(known, self.plan.program)
        record = self._begin(stacks, known)
        record = self._registry(stacks, record)
        artifact = self._artifact(record)
        self._store_secrets(record)
        record = self._service(stacks, record, artifact)
        record = self.deployment.save(replace(record, phase=DEPLOYED))
        return reading.outputs(self.deployment.cloud, record, is_changed=bool(self.changed))

    # ── registry ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, stacks: Stacks, known: Record | None) -> Record:
        """Both stacks made or settled; the deployment is this project's, and the record says that it is being updated."""
        from mldeploy.stacks.recovery import has_resources, outputs_of

        deployment = self.deployment
        mine = owner.of(self.loaded.root)
        record = known or Record(deployment.name, deployment.stage, deployment.backend(known), UPDATING)
        owner.check(record.owner, mine, deployment.title)
        registry, service = (self._settled(stack) for stack in (stacks.registry, stacks.service))
        if not has_resources(service):
            record = reading.without_service(record)
        # A failed update loses a stack's outputs; the record has those of the last one that succeeded.
        found = reading.merged(record, outputs_of(registry), outputs_of(service))
        owner.check(found.owner, mine, deployment.title)
        # Until the registry is made, `destroy` has to know what was wanted.
        return deployment.save(replace(found, phase=UPDATING, owner=mine, document=found.document or self.plan.program))

    def _settled(self, stack: Stack) -> dict[str, Any]:
        from mldeploy.stacks.automation import EngineFailure
        from mldeploy.stacks.recovery import settle

        def there() -> dict[str, Any]:
            try:
                return settle(stack, self.deployment.cloud, self.report)
            except EngineFailure as failure:
                if not failure.is_missing:
                    raise
                stack.create()
                return {}

        return self.deployment.attempt(stack, f"{stack.name} could not be opened", there, self.report)

    def _registry(self, stacks: Stacks, record: Record) -> Record:
        program = inline.registry(self.programs[0], self.plan.program, record.owner)
        outputs = self._update(stacks.registry, "registry", program)
        return self.deployment.save(reading.merged(record, outputs))

    def _update(self, stack: Stack, part: str, program: Callable[[], None]) -> dict[str, Any]:
        """One engine update, shown; the stack's outputs."""
        from mldeploy.stacks.events import Watch
        from mldeploy.stacks.recovery import outputs_of

        with self.report.step(part, "looking") as step:
            watch = Watch(step)
            doing = f"the {part} of {self.deployment.title} could not be updated"
            try:
                made = self.deployment.attempt(stack, doing, lambda: stack.up(program, watch), self.report, watch)
            finally:
                if watch.is_changed:
                    self.changed.append(part)
            step.done(watch.summary())
        return outputs_of(made)

    # ── what is deployed ────────────────────────────────────────────────────────────────────────────────────────────────

    def _artifact(self, record: Record) -> Artifact:
        if self.plan.image is None:
            return release.source(self.deployment.cloud, self.plan, self.bundle, self.deployment.at.folder / "source")
        from mldeploy import image
        from mldeploy.image.contract import Destination

        login = self.deployment.cloud.login(self.plan.program, record.outputs)
        destination = Destination(str(record.outputs["repository"]), login.username, login.password)
        found = image.ensure(self.plan, self.bundle, self.loaded, destination, self.report)
        return Artifact(found.tag, {"image": found.pinned})

    def _store_secrets(self, record: Record) -> None:
        """The user's values, and on the first `up` the key that the plan wants. Straight to the store, past the engine."""
        values, cloud = dict(self.given), self.deployment.cloud
        is_keyed = self.plan.secrets.get(secret_values.KEY_NAME) == secret_values.GENERATED_KEY
        if is_keyed and not cloud.read_key(self.plan.program, record.outputs):
            values[secret_values.KEY_NAME] = random.token_urlsafe(32)
        if values:
            with self.report.step("secrets", "storing") as step:
                cloud.store_secrets(self.plan.program, record.outputs, values)
                step.done(", ".join(sorted(values)))

    # ── service ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _service(self, stacks: Stacks, record: Record, artifact: Artifact) -> Record:
        """The release in service. Raises SmokeError when its answers are wrong; what then serves is in the message."""
        name = release.name(self.plan, artifact.tag, self.given)
        serving = str(record.outputs.get("release", ""))
        if serving and serving != name and self.deployment.cloud.has_candidate(self.plan.program):
            record = self._apply(stacks, record, artifact, name, live=serving)
            acceptance.check(self.deployment, self.loaded, record, self.report, is_candidate=True, serving=serving)
            return self._accept(self._apply(stacks, record, artifact, name, live=""), name)
        before = record
        known_changes = len(self.changed)
        record = self._apply(stacks, record, artifact, name, live="")
        if record.accepted == name and len(self.changed) == known_changes:
            return record
        accepted = before if before.accepted and before.accepted != name else None
        try:
            acceptance.check(self.deployment, self.loaded, record, self.report, is_candidate=False, serving=before.accepted)
        except acceptance.SmokeError:
            if accepted is not None:
                self._put_back(stacks, record, accepted)
            raise
        return self._accept(record, name)

    def _apply(self, stacks: Stacks, record: Record, artifact: Artifact, name: str, live: str) -> Record:
        """One update of the service; the record says what it was given."""
        document = release.document(self.plan, artifact, name, live)
        return self._run_service(stacks, record, document, self.plan.fingerprint, artifact.tag)

    def _run_service(
        self, stacks: Stacks, record: Record, document: Mapping[str, Any], fingerprint: str, image_tag: str
    ) -> Record:
        program = inline.service(self.programs[1], document, fingerprint, image_tag)
        outputs = self._update(stacks.service, "service", program)
        return self.deployment.save(reading.merged(record, outputs))

    def _put_back(self, stacks: Stacks, record: Record, accepted: Record) -> None:
        """Where no candidate can stand beside what serves, the last release that passed is deployed again."""
        self.report.warn("the new release failed its smoke requests; putting the one before back")
        back = self._run_service(stacks, record, accepted.applied, accepted.fingerprint, accepted.image_tag)
        self.deployment.save(replace(back, phase=DEPLOYED))

    def _accept(self, record: Record, name: str) -> Record:
        if record.accepted != name:
            self.changed.append("release")
        return self.deployment.save(replace(record, accepted=name))
