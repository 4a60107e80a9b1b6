"""The engine's events, read as they come: a line for each resource that is done, and in the end the changes.

    resource_pre_event ─▶ "creating function (lambda) digits-dev"      (passes)
    res_outputs_event  ─▶ "created function (lambda) digits-dev   3.2 s"   (stays)
    diagnostic_event   ─▶ what went wrong, by resource

Events come on a thread of the engine's connection, one at a time. Secrets arrive masked by the engine.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from mldeploy.progress import Step
from mldeploy.providers.contract import Change
from mldeploy.stacks import diff

DOING = {"create": "creating", "update": "updating", "delete": "deleting", "replace": "replacing", "refresh": "reading"}
DONE = {"create": "created", "update": "updated", "delete": "deleted", "replace": "replaced"}
# The engine's own operations -> ours. A replacement comes as several steps on one resource.
ACTIONS = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    "same": "same",
    "refresh": "same",
    "import": "create",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "discard-replaced": "replace",
    "import-replacement": "replace",
}
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m|<\{%.*?%\}>")


class Watch:
    """Follows one engine operation. `words` replaces values in reasons that mean nothing to a person; with
    `is_looking` (a preview, a refresh) nothing is done, and no line says that it was."""

    def __init__(self, step: Step | None = None, words: Mapping[str, str] | None = None, *, is_looking: bool = False) -> None:
        self._step = step
        self._is_looking = is_looking
        self._words = words or {}
        self._started_s: dict[str, float] = {}
        self._running: dict[str, str] = {}
        self._changes: dict[str, Change] = {}
        self.errors: list[str] = []

    def __call__(self, event: Any) -> None:
        if event.resource_pre_event is not None:
            self._begins(event.resource_pre_event.metadata)
        elif event.res_outputs_event is not None:
            self._ends(event.res_outputs_event.metadata)
        elif event.res_op_failed_event is not None:
            self._running.pop(event.res_op_failed_event.metadata.urn, None)
        elif event.diagnostic_event is not None and event.diagnostic_event.severity == "error":
            self._failed(event.diagnostic_event)

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(self._changes.values())

    @property
    def is_changed(self) -> bool:
        return any(change.action != "same" for change in self._changes.values())

    def summary(self) -> str:
        """ "3 created, 1 updated", or "unchanged"; of a preview "3 to create, 1 to update"."""
        actions = [change.action for change in self._changes.values()]
        counts = [
            f"{actions.count(action)} {f'to {action}' if self._is_looking else done}"
            for action, done in DONE.items()
            if action in actions
        ]
        return ", ".join(counts) or "unchanged"

    def _begins(self, step: Any) -> None:
        if _is_ours(step):
            return
        self._started_s.setdefault(step.urn, time.monotonic())
        action = ACTIONS.get(_op(step), "")
        if action in DOING and _op(step) != "same":
            doing = "looking at" if self._is_looking else DOING.get(_op(step), DOING[action])
            self._running[step.urn] = f"{doing} {_title(step)}"
            self._show()
        self._note(step, action)

    def _ends(self, step: Any) -> None:
        if _is_ours(step):
            return
        self._running.pop(step.urn, None)
        action = ACTIONS.get(_op(step), "")
        before = self._changes.get(step.urn)
        self._note(step, action)
        if action in DONE and _op(step) not in ("replace", "delete-replaced", "discard-replaced"):
            seconds = time.monotonic() - self._started_s.get(step.urn, time.monotonic())
            if self._step is not None and not self._is_looking:
                self._step.line(f"{DONE[action]} {_title(step)}  {seconds:.1f} s")
                self._show()
        elif before is not None:
            self._show()

    def _note(self, step: Any, action: str) -> None:
        """The strongest action that was seen on a resource is what happens to it; the step that says why tells the reasons."""
        if not action:
            return
        known = self._changes.get(step.urn)
        if known is not None and (known.action == "replace" or action == "same"):
            action = known.action
        found = self._reasons(step) if action in ("update", "replace") else ()
        kind, name = kind_of(step.type), _name(step)
        self._changes[step.urn] = Change(action, kind, name, found or (known.reasons if known is not None else ()))

    def _reasons(self, step: Any) -> tuple[str, ...]:
        if step.old is None or step.new is None:
            return ()
        found = diff.reasons(step.old.inputs or {}, step.new.inputs or {}, self._words)
        if not found and (step.old.outputs or {}) != (step.new.outputs or {}) and _op(step) == "update":
            found = diff.reasons(step.old.outputs or {}, step.new.outputs or {}, self._words)
        return found or tuple(step.diffs or ())

    def _failed(self, diagnostic: Any) -> None:
        text = plain(diagnostic.message)
        name = (diagnostic.urn or "").rpartition("::")[2]
        if text and "update failed" not in text[:20]:
            self.errors.append(f"{name}: {text}" if name and "pulumi:pulumi:Stack" not in diagnostic.urn else text)

    def _show(self) -> None:
        if self._step is not None and self._running:
            first, *others = self._running.values()
            self._step.update(f"{first} and {len(others)} more" if others else first)


def plain(text: str) -> str:
    """The engine's words without colours and its own preamble."""
    return _COLOUR.sub("", text).strip()


def kind_of(token: str) -> str:
    """ "aws:lambda/function:Function" -> "function (lambda)": what a resource is, for a person."""
    _, module, name = [*token.split(":"), "", "", ""][:3]
    module = module.partition("/")[0]
    words = " ".join(word if word.isupper() else word.lower() for word in _WORD.findall(name)) or name
    return words if module in ("", "index") else f"{words} ({module})"


def _is_ours(step: Any) -> bool:
    """The stack itself and the providers are no resources of the user's."""
    return str(step.type).startswith("pulumi:")


def _op(step: Any) -> str:
    return str(getattr(step.op, "value", step.op))


def _title(step: Any) -> str:
    return f"{kind_of(step.type)} {_name(step)}"


def _name(step: Any) -> str:
    state = step.new or step.old
    return name_of(step.urn.rpartition("::")[2], (state.inputs or {}) if state is not None else {})


def name_of(logical: str, inputs: Mapping[str, Any]) -> str:
    """The physical name where the program gives one, else the program's own."""
    name = inputs.get("name")
    return name if isinstance(name, str) and name != diff.UNKNOWN else logical
