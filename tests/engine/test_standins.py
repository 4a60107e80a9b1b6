"""The stand-ins can say no: a body that the published types do not have, a name that is taken; and a crossing is counted."""

from __future__ import annotations

from typing import Any

import pytest
from plugin.boundary import Act, Boundary
from standin.bodies import body_check
from standin.differences import differences
from standin.kind import Scope
from standin.store import ConflictError, Record, open_store

SERVICE = "gcp:cloudrunv2/service:Service"
APP = "azure-native:app:ContainerApp"
CONTAINER = {"image": "r/x@sha256:0", "resources": {"limits": {"memory": "512Mi"}, "startupCpuBoost": True}}


def _service(**container: Any) -> dict[str, Any]:
    return {
        "project": "p",
        "location": "europe-west1",
        "name": "s",
        "ingress": "INGRESS_TRAFFIC_ALL",
        "template": {"containers": [{**CONTAINER, **container}]},
    }


def _app(**ingress: Any) -> dict[str, Any]:
    return {
        "resourceGroupName": "g",
        "containerAppName": "a",
        "location": "northeurope",
        "environmentId": "/x",
        "configuration": {"activeRevisionsMode": "Single", "ingress": {"external": True, "targetPort": 80, **ingress}},
        "template": {"containers": [{"name": "c", "image": "i", "resources": {"cpu": 0.5, "memory": "1Gi"}}]},
    }


@pytest.mark.parametrize(
    ("plugin", "token", "good", "bad"),
    [
        ("gcp", SERVICE, _service(), _service(startupBoost=True)),
        ("gcp", SERVICE, _service(), {**_service(), "ingress": "INGRESS_ALL"}),
        ("azure-native", APP, _app(), _app(transprt="auto")),
        ("azure-native", APP, _app(), _app(transport="carrier pigeon")),
    ],
)
def test_a_body_that_the_published_types_do_not_have_is_refused(plugin: str, token: str, good: Any, bad: Any) -> None:
    check = body_check(plugin)
    assert list(check(token, good)) == []
    assert list(check(token, bad))


def _settle(record: Record) -> dict[str, Any]:
    return {}


def test_a_name_that_is_taken_is_refused_and_a_grant_is_not() -> None:
    store = open_store("gcp", Scope(project="p", region="europe-west1"))
    store.create("gcp:secretmanager/secret:Secret", "urn", {"secretId": "one"}, _settle)
    with pytest.raises(ConflictError, match="Error 409: Resource 'projects/p/secrets/one' already exists"):
        store.create("gcp:secretmanager/secret:Secret", "urn", {"secretId": "one"}, _settle)
    grant = {"secretId": "one", "role": "roles/viewer", "member": "user:a@example.com"}
    token = "gcp:secretmanager/secretIamMember:SecretIamMember"
    first, second = (store.create(token, "urn", grant, _settle).physical_id for _ in range(2))
    assert first == second == "projects/p/secrets/one roles/viewer user:a@example.com"


def test_a_failure_leaves_nothing_behind() -> None:
    store = open_store("gcp", Scope(project="p"))

    def fail(record: Record) -> dict[str, Any]:
        raise ConflictError("no")

    with pytest.raises(ConflictError):
        store.create("gcp:secretmanager/secret:Secret", "urn", {"secretId": "one"}, fail)
    assert store.of("") == []


def test_differences_are_told_by_their_paths() -> None:
    old = {"a": [{"b": 1}], "c": 1, "d": {"e": "x"}}
    new = {"a": [{"b": 2}], "d": {"e": "x", "f": 1}}
    assert list(differences(old, new)) == [("a[0].b", "update"), ("c", "delete"), ("d.f", "add")]


def test_a_boundary_acts_at_the_crossing_that_was_asked_for(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    signalled: list[tuple[int, int]] = []
    monkeypatch.setattr("os.kill", lambda pid, number: signalled.append((pid, number)))
    boundary = Boundary(tmp_path)
    boundary.set(Act(pid=4711, at=2, phase="after", number=2))
    for urn in ("one", "two", "three"):
        boundary.cross("before", "create", urn)
        boundary.cross("after", "create", urn)
        assert signalled == ([] if urn == "one" else [(4711, 2)])
    assert boundary.clear() is False
