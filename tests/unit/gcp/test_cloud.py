"""What the stack driver asks of Google Cloud, against the stand-in."""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from gcp_specs import document
from google_standin import EMAIL, Asked, Google, claims

from mldeploy.errors import ProviderError
from mldeploy.progress import SilentReporter
from mldeploy.providers.contract import Call
from mldeploy.providers.gcp.cloud import GcpCloud
from mldeploy.stacks.cloud import Cloud

PROJECT = "/cloudresourcemanager/v1/projects/shop-1"
OUTPUTS = {
    "url": "https://digits-dev-abc.a.run.app",
    "candidate_url": "https://candidate---digits-dev-abc.a.run.app",
    "visibility": "private: …",
}
CALL = Call("POST", "/predict")


@pytest.fixture
def cloud() -> Cloud:
    return GcpCloud()


# verify


def test_a_project_that_is_there(google: Google, cloud: Cloud, tmp_path: Path) -> None:
    google.tell("GET", PROJECT, {"lifecycleState": "ACTIVE"})
    google.tell("GET", "/run/v1/projects/shop-1/locations", {"locations": [{"locationId": "europe-west1"}]})
    cloud.verify(document(tmp_path))
    assert len(google.asked) == 3, "a token, the project, the regions"


def test_no_project_is_said_before_anything_is_asked(google: Google, cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match=r"clouds\.gcp\.project is not set") as caught:
        cloud.verify(document(tmp_path, ""))
    assert caught.value.hint is not None
    assert "gcloud projects list" in caught.value.hint
    assert google.asked == []


def test_a_project_that_is_being_deleted(google: Google, cloud: Cloud, tmp_path: Path) -> None:
    google.tell("GET", PROJECT, {"lifecycleState": "DELETE_REQUESTED"})
    with pytest.raises(ProviderError, match="shop-1 is DELETE_REQUESTED, not ACTIVE"):
        cloud.verify(document(tmp_path))


def test_a_region_that_cloud_run_does_not_have(google: Google, cloud: Cloud, tmp_path: Path) -> None:
    google.tell("GET", PROJECT, {"lifecycleState": "ACTIVE"})
    regions = {"locations": [{"locationId": "us-central1"}, {"locationId": "asia-east1"}]}
    google.tell("GET", "/run/v1/projects/shop-1/locations", regions)
    with pytest.raises(ProviderError, match="not in the region europe-west1") as caught:
        cloud.verify(document(tmp_path))
    assert caught.value.hint == "clouds.gcp.region may be asia-east1, us-central1"


def test_no_credentials(nobody: None, cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="no Google Cloud credentials"):
        cloud.verify(document(tmp_path))


def test_a_login_is_short_lived(google: Google, cloud: Cloud, tmp_path: Path) -> None:
    login = cloud.login(document(tmp_path), {})
    assert (login.username, login.password) == ("oauth2accesstoken", "access-1")


# secrets


class Secrets:
    """Secret Manager's versions."""

    def __init__(self, google: Google) -> None:
        self.values: dict[str, list[str]] = {}
        google.tell("GET", r"/secretmanager/v1/projects/[^/]+/secrets/[^/]+/versions/\w+:access", self._access)
        google.tell("POST", r"/secretmanager/v1/projects/[^/]+/secrets/[^/]+:addVersion", self._add)

    def _access(self, asked: Asked) -> tuple[int, Any]:
        values = self.values.get(asked.path.split("/")[6])
        if not values:
            return 404, {"error": {"code": 404, "status": "NOT_FOUND", "message": "no versions"}}
        return 200, {"payload": {"data": base64.b64encode(values[-1].encode()).decode()}}

    def _add(self, asked: Asked) -> tuple[int, Any]:
        name = asked.path.split("/")[6].partition(":")[0]
        self.values.setdefault(name, []).append(base64.b64decode(asked.json()["payload"]["data"]).decode())
        return 200, {"name": name}


KEYED = "access: key\nsecrets: {DB_TOKEN: env:X}\nclouds: {gcp: {project: shop-1}}\n"


def test_only_a_value_that_differs_is_stored(google: Google, cloud: Cloud, tmp_path: Path) -> None:
    store, wanted = Secrets(google), document(tmp_path, KEYED)
    for value in ("first ü", "first ü", "second"):
        cloud.store_secrets(wanted, {}, {"DB_TOKEN": value})
    assert store.values == {wanted["secrets"]["DB_TOKEN"]: ["first ü", "second"]}


def test_the_key_is_read_where_it_is(google: Google, cloud: Cloud, tmp_path: Path) -> None:
    store, wanted = Secrets(google), document(tmp_path, KEYED)
    assert cloud.read_key(wanted, {}) == ""
    cloud.store_secrets(wanted, {}, {"MLDEPLOY_API_KEY": "the-key"})
    assert cloud.read_key(wanted, {}) == "the-key"
    theirs = document(tmp_path, "access: key\nsecrets: {MLDEPLOY_API_KEY: 'secretmanager:projects/v-1/secrets/k'}\n")
    store.values["k"] = ["their-key"]
    assert cloud.read_key(theirs, {}) == "their-key"


def test_a_value_is_in_no_message(google: Google, cloud: Cloud, tmp_path: Path) -> None:
    google.tell("POST", "/secretmanager/.*", {"error": {"message": "the teapot is short"}}, 400)
    with pytest.raises(Exception, match="teapot") as caught:
        cloud.store_secrets(document(tmp_path, KEYED), {}, {"DB_TOKEN": "hush-hush"})
    assert "hush-hush" not in f"{caught.value!r}"


# calling


def test_a_private_candidate_is_called_with_a_token_for_the_service(google: Google, cloud: Cloud, tmp_path: Path) -> None:
    endpoint = cloud.endpoint(document(tmp_path), OUTPUTS, is_candidate=True)
    assert endpoint.url == OUTPUTS["candidate_url"]
    assert google.asked == [], "nothing is asked before a call is made"
    assert endpoint.sign is not None
    header = endpoint.sign(CALL)["authorization"]
    assert claims(header.removeprefix("Bearer "))["aud"] == OUTPUTS["url"]
    endpoint.sign(CALL)
    assert len(google.of("POST", "/token")) == 1


def test_a_key_is_read_and_sent(google: Google, cloud: Cloud, tmp_path: Path) -> None:
    Secrets(google)
    wanted = document(tmp_path, KEYED)
    assert cloud.endpoint(wanted, OUTPUTS, is_candidate=False).headers == {}
    cloud.store_secrets(wanted, {}, {"MLDEPLOY_API_KEY": "the-key"})
    endpoint = cloud.endpoint(wanted, OUTPUTS, is_candidate=False)
    assert (endpoint.headers, endpoint.sign) == ({"x-api-key": "the-key"}, None)
    assert "the-key" not in repr(endpoint)


def test_what_is_public_needs_nothing(cloud: Cloud, tmp_path: Path) -> None:
    assert cloud.endpoint(document(tmp_path, "access: public\n"), OUTPUTS, is_candidate=False).sign is None


@pytest.mark.parametrize(("build", "expected"), [("image", True), ("source", False)])
def test_only_a_service_has_a_candidate(cloud: Cloud, build: str, expected: bool, tmp_path: Path) -> None:
    assert cloud.has_candidate(document(tmp_path, f"clouds: {{gcp: {{build: {build}}}}}\n")) is expected


# state


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"state": "CONDITION_SUCCEEDED"}, ("serving", "")),
        ({"state": "CONDITION_RECONCILING", "message": "deploying"}, ("starting", "deploying")),
        ({"state": "CONDITION_FAILED", "message": "no memory"}, ("failing", "no memory")),
        (None, ("absent", "Cloud Run has no such service any more")),
    ],
)
def test_health(google: Google, cloud: Cloud, condition: Any, expected: tuple[str, str], tmp_path: Path) -> None:
    if condition:
        path = "/run/v2/projects/shop-1/locations/europe-west1/services/digits-dev"
        google.tell("GET", path, {"terminalCondition": condition})
    health = cloud.health(document(tmp_path), {})
    assert (health.state, health.detail) == expected


EVERYTHING = """\
secrets: {DB_TOKEN: env:X}
clouds:
  gcp:
    project: shop-1
    trigger: {bucket: photos}
    schedule: {cron: "0 6 * * *", inputs: 1}
    budget: {monthly_usd: 5, email: a@b.c}
    billing_account: 0ABCDE-123456-FEDCBA
"""


def test_nothing_is_left(google: Google, cloud: Cloud, tmp_path: Path) -> None:
    assert list(cloud.residue(document(tmp_path, EVERYTHING))) == []
    assert {asked.path.split("/")[1] for asked in google.asked} == {
        *("token", "run", "artifactregistry", "iam", "eventarc", "cloudscheduler", "secretmanager", "monitoring"),
        "billingbudgets",
    }


def test_what_is_left_is_named(google: Google, cloud: Cloud, tmp_path: Path) -> None:
    wanted = document(tmp_path, EVERYTHING)
    google.tell("GET", "/run/v2/.*", {"name": "x"})
    google.tell("GET", "/iam/.*run-.*", {"name": "x"})
    google.tell("GET", "/secretmanager/v1/projects/shop-1/secrets", {"secrets": [{"name": "projects/1/secrets/s-1"}]})
    google.tell("GET", "/monitoring/v3/.*/alertPolicies", {"alertPolicies": [{"displayName": "digits-dev: 5xx"}]})
    mine, other = {"displayName": "mldeploy: digits-dev"}, {"displayName": "other"}
    google.tell("GET", "/billingbudgets/.*", {"budgets": [mine, other]})
    assert list(cloud.residue(wanted)) == [
        "Cloud Run service digits-dev",
        f"service account {wanted['accounts']['runtime']}@shop-1.iam.gserviceaccount.com",
        "secret s-1",
        "alert policy digits-dev: 5xx",
        "budget mldeploy: digits-dev",
    ]
    assert google.of("GET", ".*/secrets")[0].query["filter"] == ["labels.deployment=digits-dev"]


def test_what_google_names_itself_is_looked_for(google: Google, cloud: Cloud) -> None:
    kind = "gcp:monitoring/alertPolicy:AlertPolicy"
    inputs = {"project": "shop-1", "displayName": "digits-dev: 5xx"}
    assert cloud.physical_id(kind, inputs) is None
    found = {"displayName": "digits-dev: 5xx", "name": "projects/shop-1/alertPolicies/7"}
    google.tell("GET", "/monitoring/v3/.*", {"alertPolicies": [found, {"displayName": "other", "name": "x"}]})
    assert cloud.physical_id(kind, inputs) == "projects/shop-1/alertPolicies/7"
    google.tell("GET", "/monitoring/v3/.*", {"alertPolicies": [found, found]})
    assert cloud.physical_id(kind, inputs) is None, "two of that name: nobody knows which"


# the rest


def test_the_source_is_the_same_file_whoever_packs_it(cloud: Cloud, tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        folder = tmp_path / name / "source"
        (folder / "deep").mkdir(parents=True)
        for path in ("main.py", "deep/z.txt") if name == "a" else ("deep/z.txt", "main.py"):
            (folder / path).write_text(path)
            os.utime(folder / path, (1, 1) if name == "a" else None)
        (folder / "main.py").chmod(0o600 if name == "a" else 0o755)
        found.append(cloud.artifact({}, str(folder)))
    first, second = found
    assert first["source_digest"] == second["source_digest"]
    assert first["source_digest"] == hashlib.sha256(Path(first["source"]).read_bytes()).hexdigest()
    with zipfile.ZipFile(first["source"]) as archive:
        assert archive.namelist() == ["deep/z.txt", "main.py"]


def test_a_source_that_was_packed_before_is_kept(cloud: Cloud, tmp_path: Path) -> None:
    """The release before may have to be deployed again when the new one fails its smoke requests."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "main.py").write_text("old")
    old = cloud.artifact({}, str(folder))
    (folder / "main.py").write_text("new")
    new = cloud.artifact({}, str(folder))
    assert old["source"] != new["source"]
    assert hashlib.sha256(Path(old["source"]).read_bytes()).hexdigest() == old["source_digest"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["source", Path(old["source"]).name, Path(new["source"]).name]
    )


def test_the_engine_is_told_project_and_region_and_no_secret(cloud: Cloud, tmp_path: Path) -> None:
    assert cloud.config(document(tmp_path)) == {"gcp:project": "shop-1", "gcp:region": "europe-west1"}
    budget = cloud.config(document(tmp_path, EVERYTHING))
    assert budget["gcp:userProjectOverride"] == "true"
    assert budget["gcp:billingProject"] == "shop-1"


def test_destroying_asks_nothing_first(cloud: Cloud, tmp_path: Path) -> None:
    cloud.before_destroy(document(tmp_path), {}, SilentReporter())


def test_logs_come_through(google: Google, cloud: Cloud, tmp_path: Path) -> None:
    google.tell("POST", "/logging/v2/entries:list", {"entries": [{"textPayload": "hello", "insertId": "1"}]})
    assert list(cloud.logs(document(tmp_path), {}, follow=False, since_s=60, tail=10)) == ["hello"]


APIS = "/serviceusage/v1/projects/shop-1/services:batchGet"


def enabled(**states: str) -> dict[str, Any]:
    names = {name: f"projects/123/services/{name}.googleapis.com" for name in ("cloudresourcemanager", "serviceusage", "run")}
    return {"services": [{"name": names[name], "state": states.get(name, "ENABLED")} for name in names]}


def test_doctor_says_who_google_takes_us_for_and_that_the_project_is_ready(google: Google) -> None:
    from mldeploy.providers.gcp.checks import _credentials

    google.tell("GET", APIS, enabled())
    google.tell("GET", "/run/v1/projects/shop-1/locations", {"locations": [{"locationId": "europe-west1"}]})
    who, apis, regions = _credentials()
    assert who.is_ok
    assert apis.is_ok
    assert regions.is_ok
    assert EMAIL in who.message
    assert "1 with Cloud Run" in regions.message


def test_doctor_names_the_api_that_is_off_and_the_command(google: Google) -> None:
    from mldeploy.providers.gcp.checks import _credentials

    google.tell("GET", APIS, enabled(cloudresourcemanager="DISABLED"))
    _, apis = _credentials()
    assert not apis.is_ok
    assert apis.remedy == "gcloud services enable cloudresourcemanager.googleapis.com --project shop-1"


def test_doctor_says_what_it_may_not_see(google: Google) -> None:
    from mldeploy.providers.gcp.checks import _credentials

    said = {"error": {"message": "Permission 'serviceusage.services.get' denied on resource 'projects/shop-1'"}}
    google.tell("GET", APIS, said, 403)
    _, project = _credentials()
    assert not project.is_ok
    assert "you lack the permission serviceusage.services.get" in project.message
    assert project.remedy


def test_doctor_says_how_to_get_credentials(nobody: None) -> None:
    from mldeploy.providers.gcp.checks import _credentials, _gcloud

    (found,) = _credentials()
    assert not found.is_ok
    assert "gcloud auth application-default login" in found.remedy
    assert _gcloud().is_ok
