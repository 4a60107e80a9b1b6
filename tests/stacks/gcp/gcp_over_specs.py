"""What the rules are looked at with: every spec of the harness, and what it declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gcp_harness as harness
import pytest

EVERY = pytest.mark.parametrize("name", sorted(harness.SPECS))
IMAGES = pytest.mark.parametrize("name", sorted(set(harness.SPECS) - {"source", "source-events"}))
LABELS = {"tool": "mldeploy", "model": "digits", "stage": "dev", "deployment": "digits-dev", "fingerprint": "ab" * 6}
# What takes labels at all, by the name of the property.
LABELLED = {
    "Repository": "labels",
    "Secret": "labels",
    "Bucket": "labels",
    "Trigger": "labels",
    "Function": "labels",
    "AlertPolicy": "userLabels",
    "NotificationChannel": "userLabels",
}
# Google gives these for a whole project only; the storage agent's is the agent's, not ours.
PROJECT_ROLES = {
    "roles/eventarc.eventReceiver",
    "roles/logging.logWriter",
    "roles/pubsub.publisher",
    "roles/storage.objectViewer",
}
OWN_ACCOUNT = re.compile(
    r"^serviceAccount:digits-dev-(run|call|build)-[0-9a-f]{6}"
    r"@shop-1(\.example\.com)?\.iam\.gserviceaccount\.com$"
)


def everything(name: str, folder: Path, **changes: Any) -> list[harness.Declared]:
    registry, service = harness.stacks(name, folder, **changes)
    return [*registry.resources, *service.resources]


def grants(name: str, folder: Path) -> Iterator[harness.Declared]:
    return (each for each in everything(name, folder) if "role" in each.inputs)


def run(name: str, folder: Path, **changes: Any) -> dict[str, Any]:
    """The inputs of the Cloud Run service."""
    _, service = harness.stacks(name, folder, **changes)
    return dict(service.of("cloudrunv2/service:Service")[0].inputs)


def container(name: str, folder: Path) -> dict[str, Any]:
    found = run(name, folder)["template"]["containers"]
    assert len(found) == 1
    return dict(found[0])
