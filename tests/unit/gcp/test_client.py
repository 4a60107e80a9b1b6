"""REST with google-auth, against the stand-in: what is asked, and every way in which it fails."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from google_standin import Asked, Google

from mldeploy.errors import DeployError, ProviderError
from mldeploy.providers.gcp.client import Client, base_url

DISABLED = {
    "error": {
        "code": 403,
        "status": "PERMISSION_DENIED",
        "message": "Cloud Run Admin API has not been used in project shop-1 before or it is disabled. Enable it by visiting "
        "https://console.developers.google.com/apis/api/run.googleapis.com/overview?project=shop-1 then retry.",
        "details": [{"reason": "SERVICE_DISABLED"}],
    }
}


def test_an_answer_with_credentials(google: Google) -> None:
    google.tell("GET", "/run/v1/x", {"name": "x"})
    with Client.open("shop-1") as client:
        assert client.find("run", "v1/x", pageSize=3) == {"name": "x"}
        assert client.token() == "access-1"
    asked = google.of("GET", "/run/v1/x")[0]
    assert asked.headers["authorization"] == "Bearer access-1"
    assert asked.query == {"pageSize": ["3"]}


def test_what_is_not_there_is_none(google: Google) -> None:
    with Client.open("shop-1") as client:
        assert client.find("run", "v1/x") is None


def test_where_an_api_is_not_enabled_nothing_is_there(google: Google) -> None:
    google.tell("GET", "/run/.*", DISABLED, 403)
    with Client.open("shop-1") as client:
        assert client.find("run", "v1/x") is None
        assert list(client.pages("run", "v1/x", "items")) == []
        with pytest.raises(ProviderError, match=r"API run\.googleapis\.com is not enabled in the project shop-1") as caught:
            client.call("GET", "run", "v1/x")
    assert caught.value.hint is not None
    assert "gcloud services enable run.googleapis.com --project shop-1" in caught.value.hint


def test_every_page_is_read(google: Google) -> None:
    def page(asked: Asked) -> tuple[int, object]:
        token = asked.query.get("pageToken", ["0"])[0]
        return 200, {"items": [{"n": token}], **({"nextPageToken": str(int(token) + 1)} if token != "2" else {})}

    google.tell("GET", "/run/v1/list", page)
    with Client.open("shop-1") as client:
        assert [item["n"] for item in client.pages("run", "v1/list", "items", filter="f")] == ["0", "1", "2"]
    assert all(asked.query["filter"] == ["f"] for asked in google.of("GET", "/run/v1/list"))


@pytest.mark.parametrize(
    ("status", "error", "kind", "words"),
    [
        (401, {"status": "UNAUTHENTICATED", "message": "invalid"}, ProviderError, "expired or were revoked"),
        (
            403,
            {"message": "Permission 'run.services.get' denied on resource 'projects/p' (or it may not exist)."},
            ProviderError,
            r"you lack the permission run\.services\.get on projects/p",
        ),
        (429, {"status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded for quota metric 'Reads'"}, DeployError, "quota"),
        (400, {"message": "the teapot is short"}, DeployError, "answers 400 to run: v1/x: the teapot is short"),
        (500, "<html>", DeployError, "answers 500"),
    ],
)
def test_an_error_is_told(google: Google, status: int, error: object, kind: type[Exception], words: str) -> None:
    google.tell("GET", "/run/v1/x", error if isinstance(error, str) else {"error": error}, status)
    with Client.open("shop-1") as client, pytest.raises(kind, match=words) as caught:
        client.find("run", "v1/x")
    assert type(caught.value) is kind
    assert getattr(caught.value, "hint", "")


def test_without_credentials(nobody: None) -> None:
    with pytest.raises(ProviderError, match="there are no Google Cloud credentials") as caught:
        Client.open("shop-1")
    assert caught.value.hint is not None
    assert "gcloud auth application-default login" in caught.value.hint


def test_a_key_that_was_revoked(google: Google) -> None:
    google.tell("POST", "/token", {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)
    with Client.open("shop-1") as client, pytest.raises(ProviderError, match="expired or were revoked"):
        client.find("run", "v1/x")


def test_a_key_file_that_is_none(google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.json").write_text("{")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "broken.json"))
    with pytest.raises(ProviderError, match="refuses the credentials"):
        Client.open("shop-1")


def test_nobody_listens(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN", f"http://127.0.0.1:{port}/")
    with Client.open("shop-1") as client, pytest.raises(DeployError, match="does not answer"):
        client.find("run", "v1/x")


def test_googles_own_addresses(nobody: None) -> None:
    assert base_url("run") == "https://run.googleapis.com/"


def test_a_persons_use_is_billed_to_the_project(google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    person = {"type": "authorized_user", "client_id": "1", "client_secret": "s", "refresh_token": "r"}
    (tmp_path / "person.json").write_text(json.dumps(person))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "person.json"))
    from mldeploy.providers.gcp.client import credentials

    assert credentials("shop-1").quota_project_id == "shop-1"
