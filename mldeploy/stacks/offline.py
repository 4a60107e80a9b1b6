"""A preview without engine, account or network: the program is run against mocks, now and as it was last deployed.

    program(document now) ──mocks──▶ resources ┐
                                               ├─ compared ─▶ Change, Change, …
    program(last document) ─mocks──▶ resources ┘

Both sides come from the program itself, so nothing of the cloud's answers (and no secret) has to be kept for it. It cannot see
what drifted, nor whether an update needs a replacement: the provider alone knows which properties cannot change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mldeploy.providers.contract import Change
from mldeploy.stacks import diff
from mldeploy.stacks.apart import apart
from mldeploy.stacks.events import kind_of, name_of


@dataclass(frozen=True)
class Resource:
    """One resource that a program registered."""

    kind: str
    logical: str
    inputs: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.logical

    def change(self, action: str, reasons: tuple[str, ...] = ()) -> Change:
        return Change(action, kind_of(self.kind), name_of(self.logical, self.inputs), reasons)


def resources(
    program: Callable[[], None], project: str, stack: str, config: Mapping[str, str]
) -> dict[tuple[str, str], Resource]:
    """What `program` registers, by type and name. Raises what the program raises."""
    return apart(_run, program, project, stack, config)


def _run(program: Callable[[], None], project: str, stack: str, config: Mapping[str, str]) -> dict[tuple[str, str], Resource]:
    import pulumi
    from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks

    found: dict[tuple[str, str], Resource] = {}

    class Recording(Mocks):
        """Answers with the inputs: what only the cloud knows stays unknown, as in a real preview."""

        def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
            resource = Resource(args.typ, args.name, _plain(args.inputs))
            if not args.typ.startswith("pulumi:"):
                found[resource.key] = resource
            return f"{args.name}", dict(args.inputs)

        def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
            return dict(args.args), []

    pulumi.runtime.set_mocks(Recording(), project=project, stack=stack, preview=True)
    pulumi.runtime.set_all_config(dict(config))
    pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]
    return found


def _plain(value: Any) -> Any:
    """JSON values; a property that waits for the cloud is the engine's sentinel."""
    import pulumi

    if isinstance(value, pulumi.Output) or type(value).__name__ == "Unknown":
        return diff.UNKNOWN
    if isinstance(value, pulumi.Asset | pulumi.Archive):
        # Where a file lies says nothing; what a program makes of its content is in its other properties.
        return f"file {Path(getattr(value, 'path', '')).name}"
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def compare(
    old: Mapping[tuple[str, str], Resource], new: Mapping[tuple[str, str], Resource], words: Mapping[str, str]
) -> tuple[Change, ...]:
    """What would change, in the program's order; what goes comes last."""
    changes = []
    for key, resource in new.items():
        before = old.get(key)
        if before is None:
            changes.append(resource.change("create"))
            continue
        reasons = diff.reasons(before.inputs, resource.inputs, words)
        changes.append(resource.change("update" if reasons else "same", reasons))
    changes += [resource.change("delete") for key, resource in old.items() if key not in new]
    return tuple(changes)
