"""Every spec of `azure_programs` planned, and its two programs run once under the mocks, for all tests of this folder."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import azure_programs as ap

from mldeploy.plan import Plan
from mldeploy.providers.azure.program.registry import registry
from mldeploy.providers.azure.program.service import service


class Run(NamedTuple):
    """One spec: its plan, and what its programs registered. `beside` is the service with an older release live."""

    plan: Plan
    registry: ap.Recorded
    service: ap.Recorded
    beside: ap.Recorded

    @property
    def document(self) -> Mapping[str, Any]:
        return self.plan.program

    @property
    def resources(self) -> tuple[ap.Resource, ...]:
        return (*self.registry.resources, *self.service.resources)

    def of(self, kind: str) -> list[ap.Resource]:
        return [each for each in self.resources if each.kind == f"azure-native:{kind}"]


@cache
def run(name: str) -> Run:
    """The run of one spec."""
    with tempfile.TemporaryDirectory() as folder:
        plan = ap.plan(Path(folder), ap.SPECS[name])
    document = plan.program
    return Run(
        plan,
        ap.run(registry, document),
        ap.run(service, ap.service_document(document)),
        ap.run(service, ap.service_document(document, ap.LIVE)),
    )


def texts(value: Any) -> list[str]:
    """Every text in a JSON value."""
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []


CONTAINER_APPS = [name for name in ap.SPECS if not name.startswith("premium")]
PREMIUM = [name for name in ap.SPECS if name.startswith("premium")]
