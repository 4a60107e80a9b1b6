"""What a service is made of beyond its plan, and the name that this makes. Pure but for the rendering of sources.

    Artifact   an image by its digest, or the rendered source          the document's additions
    release    12 hex digits over artifact, document and secret values

The same plan, image and secrets are the same release; anything else is a new one, which is smoke-tested before it serves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mldeploy.bundle.contract import Bundle
from mldeploy.plan import Plan
from mldeploy.stacks import secret_values
from mldeploy.stacks.cloud import Cloud

DIGITS = 12


@dataclass(frozen=True)
class Artifact:
    """`tag` identifies the content; `additions` go into the service's document."""

    tag: str
    additions: Mapping[str, Any]


def source(cloud: Cloud, plan: Plan, bundle: Bundle, folder: Path) -> Artifact:
    """The functions source, rendered into `folder` anew, for a platform that builds by itself."""
    import shutil

    from mldeploy import image
    from mldeploy.state import make_folder

    shutil.rmtree(folder, ignore_errors=True)
    rendered = image.render_source(plan, bundle, make_folder(folder))
    return Artifact(_content(Path(rendered)), cloud.artifact(plan.program, rendered))


def _content(folder: Path) -> str:
    """Digest of a folder's paths and bytes."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        whole.update(f"{path.relative_to(folder)}\0{len(data)}\0".encode())
        whole.update(data)
    return whole.hexdigest()[:40]


def name(plan: Plan, tag: str, secrets: Mapping[str, str]) -> str:
    """The release's name: legal wherever hex digits are."""
    digest = secret_values.digest(secrets, f"{plan.provider}/{plan.name}/{plan.stage}")
    covered = json.dumps([tag, plan.program, plan.environment, digest], sort_keys=True)
    return hashlib.sha256(covered.encode()).hexdigest()[:DIGITS]


def document(plan: Plan, artifact: Artifact, release: str, live: str) -> dict[str, Any]:
    """What the service program is given. `live` is the release that keeps all traffic, "" for none."""
    return {**plan.program, **artifact.additions, "release": release, "live": live}
