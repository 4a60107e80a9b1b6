"""A stand-in for Google, and credentials that it takes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.auth import external_account
from google.auth._regional_access_boundary_utils import _RegionalAccessBoundaryManager

sys.path.insert(0, str(Path(__file__).parent))

import google_standin
from google_standin import Google


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials of any kind on this machine."""
    for name in list(os.environ):
        if name.startswith(("GOOGLE_", "CLOUDSDK_", "GCE_", "GCLOUD_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()


@pytest.fixture
def google(nobody: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    """Every API at the stand-in, and a service account's key."""
    google, end = google_standin.serve()
    for service in google_standin.SERVICES:
        monkeypatch.setenv(f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{service.upper()}", f"{google.url}/{service}/")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(google_standin.key_file(google, tmp_path)))
    # Two questions that google-auth asks of Google itself, whatever is overridden: neither has anything to do with us.
    monkeypatch.setattr(_RegionalAccessBoundaryManager, "maybe_start_refresh", lambda *_: None)
    monkeypatch.setattr(external_account.Credentials, "get_project_id", lambda *_, **__: None)
    yield google
    end()
