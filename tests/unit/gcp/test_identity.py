"""Identity tokens for every kind of credentials, against the stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from google_standin import EMAIL, Google, claims

from mldeploy.errors import ProviderError
from mldeploy.providers.gcp.identity import IdentityToken, fetch_token

URL = "https://digits-dev-abc-ew.a.run.app"


def test_a_service_accounts_token_is_for_the_services_url(google: Google) -> None:
    token = fetch_token(URL, "shop-1")
    assert claims(token)["aud"] == URL
    assert claims(token)["email"] == EMAIL


def test_a_token_is_asked_for_once_and_again_before_it_ends(google: Google) -> None:
    lives, asked = iter([3600.0, 60.0, 3600.0]), []

    def fetch(audience: str, project: str) -> str:
        asked.append((audience, project))
        return google.identity(audience, EMAIL, next(lives))

    token = IdentityToken(URL, "shop-1", fetch)
    assert token.get() == token.get()
    assert asked == [(URL, "shop-1")]
    soon = IdentityToken(URL, "shop-1", fetch)
    assert soon.get() != soon.get(), "one that ends within two minutes is not used again"


def person(google: Google, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = {"type": "authorized_user", "client_id": "1", "client_secret": "s", "refresh_token": "r"}
    (folder / "person.json").write_text(json.dumps(document))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(folder / "person.json"))


def gcloud(folder: Path, script: str) -> None:
    """STAND-IN for gcloud, on the PATH."""
    program = folder / "bin" / "gcloud"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_a_persons_token_is_gclouds(google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    person(google, tmp_path, monkeypatch)
    gcloud(tmp_path, '[ "$*" = "auth print-identity-token" ] && echo a.b.c')
    assert fetch_token(URL, "shop-1") == "a.b.c"


def test_a_person_without_gcloud_is_told_what_to_do(google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    person(google, tmp_path, monkeypatch)
    with pytest.raises(ProviderError, match="need gcloud for an identity token") as caught:
        fetch_token(URL, "shop-1")
    assert caught.value.hint is not None
    assert "--impersonate-service-account" in caught.value.hint


def test_gcloud_that_is_not_signed_in(google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    person(google, tmp_path, monkeypatch)
    gcloud(tmp_path, 'echo "ERROR: You do not currently have an active account selected." >&2; exit 1')
    with pytest.raises(ProviderError, match="You do not currently have an active account") as caught:
        fetch_token(URL, "shop-1")
    assert caught.value.hint == "gcloud auth login"


def federated(google: Google, folder: Path, monkeypatch: pytest.MonkeyPatch, *, has_account: bool) -> None:
    """As a CI writes it: a token of its own in a file, exchanged for one of a service account."""
    (folder / "subject").write_text("a.b.c")
    document = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{google.url}/sts",
        "credential_source": {"file": str(folder / "subject")},
    }
    if has_account:
        document["service_account_impersonation_url"] = (
            f"{google.url}/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken"
        )
    (folder / "federated.json").write_text(json.dumps(document))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(folder / "federated.json"))
    google.tell("POST", "/sts", {"access_token": "sts-1", "expires_in": 3600, "issued_token_type": "t", "token_type": "Bearer"})
    google.tell("POST", "/v1/.*:generateAccessToken", {"accessToken": "acted-1", "expireTime": "2999-01-01T00:00:00Z"})


def test_a_federated_token_comes_from_iam(google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    federated(google, tmp_path, monkeypatch, has_account=True)
    google.tell("POST", "/iamcredentials/.*:generateIdToken", {"token": "x.y.z"})
    assert fetch_token(URL, "shop-1") == "x.y.z"
    asked = google.of("POST", "/iamcredentials/.*")[0]
    assert asked.path.endswith(f"/{EMAIL}:generateIdToken")
    assert asked.json() == {"audience": URL, "includeEmail": True}
    assert asked.headers["authorization"] == "Bearer acted-1"


def test_a_federated_identity_without_an_account_cannot_call(
    google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    federated(google, tmp_path, monkeypatch, has_account=False)
    with pytest.raises(ProviderError, match="act as no service account"):
        fetch_token(URL, "shop-1")


def test_on_google_cloud_the_metadata_server_gives_it(google: Google, tmp_path: Path) -> None:
    """google-auth reads GCE_METADATA_HOST when it is imported, so that this is a process of its own."""
    token = google.identity(URL, EMAIL)
    root = "/computeMetadata/v1"
    google.tell("GET", "/", "ok")
    google.tell("GET", f"{root}/?", "ok")
    google.tell("GET", f"{root}/project/project-id", "shop-1")
    google.tell("GET", f"{root}/universe/.*", "googleapis.com")
    google.tell("GET", f"{root}/instance/service-accounts/.*/identity", token)
    google.tell("GET", f"{root}/instance/service-accounts/.*/token", {"access_token": "m-1", "expires_in": 3600})
    google.tell("GET", f"{root}/instance/service-accounts/[^/]*/?", {"email": EMAIL, "scopes": []})
    host = google.url.removeprefix("http://")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GOOGLE_", "NO_GCE"))}
    code = f"from mldeploy.providers.gcp.identity import fetch_token; print(fetch_token({URL!r}, 'shop-1'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "GCE_METADATA_HOST": host, "GCE_METADATA_IP": host},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == token
    assert google.of("GET", ".*/identity")[0].query["audience"] == [URL]
