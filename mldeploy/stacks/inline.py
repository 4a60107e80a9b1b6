"""The clouds' programs as the engine runs them: with the few outputs that later commands need, so that no spec has to be there.

registry   document   the plan's program document, as JSON text
           owner      whose deployment it is
service    applied    the service's whole document, and which model and image it is of, as JSON text
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from mldeploy.errors import ProviderError
from mldeploy.stacks.cloud import Cloud, Program

DOCUMENT, OWNER, APPLIED = "document", "owner", "applied"
OWN_OUTPUTS = (DOCUMENT, OWNER, APPLIED)


def programs(cloud: Cloud) -> tuple[Program, Program]:
    """The cloud's programs. Raises ProviderError when its SDK is not installed."""
    try:
        return cloud.programs()
    except ImportError as error:
        module = (error.name or "").partition(".")[0]
        if module not in (*cloud.sdks, "pulumi"):
            raise
        raise ProviderError(
            f"{cloud.title} needs the package {module}, which is not installed", f"pip install 'mldeploy[{cloud.name}]'"
        ) from error


def registry(program: Program, document: Mapping[str, Any], owner: str) -> Callable[[], None]:
    def run() -> None:
        import pulumi

        program(document)
        pulumi.export(DOCUMENT, as_text(document))
        pulumi.export(OWNER, owner)

    return run


def service(program: Program, document: Mapping[str, Any], fingerprint: str, image_tag: str) -> Callable[[], None]:
    def run() -> None:
        import pulumi

        program(document)
        pulumi.export(APPLIED, as_text({"document": document, "fingerprint": fingerprint, "image_tag": image_tag}))

    return run


def as_text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True)


def from_text(text: Any) -> dict[str, Any]:
    """The document in an output, {} where there is none."""
    value = json.loads(text) if isinstance(text, str) and text else {}
    return value if isinstance(value, dict) else {}


def is_sdk_missing(cloud: Cloud) -> bool:
    """Whether a Pulumi SDK of the cloud is not installed; imports none of them."""
    from importlib.util import find_spec

    return any(find_spec(name) is None for name in ("pulumi", *cloud.sdks))
