"""The resources that a plan's two programs declare, found by running them under mocks. No engine, no account, no network."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from mldeploy.iam.contract import Asked
from mldeploy.plan import Plan
from mldeploy.stacks import inline, offline, release
from mldeploy.stacks.cloud import Cloud

# Stand-ins for what only a deployment has: the types and names of what is declared do not depend on them.
_IMAGE = f"registry.invalid/image@sha256:{'0' * 64}"
_RELEASE = "0" * release.DIGITS


def recorded(cloud: Cloud, plan: Plan) -> tuple[Asked, ...]:
    """What both programs declare for this plan. Raises ProviderError when the cloud's SDK is not installed."""
    registry, service = inline.programs(cloud)
    with tempfile.TemporaryDirectory(prefix="mldeploy-") as folder:
        additions = cloud.artifact(plan.program, str(Path(folder))) if plan.image is None else {"image": _IMAGE}
        document = release.document(plan, release.Artifact(_RELEASE, additions), _RELEASE, live="")
        return (*_run(cloud, plan, registry, plan.program), *_run(cloud, plan, service, document))


def _run(cloud: Cloud, plan: Plan, program: Any, document: Any) -> tuple[Asked, ...]:
    found = offline.resources(lambda: program(document), plan.name, f"{cloud.name}.{plan.stage}", cloud.config(document))
    return tuple(Asked(resource.kind, resource.inputs) for resource in found.values())
