"""The rules about what is served: registry, service, traffic, sizes. One test each, over all specs of the harness."""

from __future__ import annotations

import re
from pathlib import Path

import gcp_harness as harness
import pytest
from gcp_over_specs import EVERY, IMAGES, container, run

# the registry


@EVERY
def test_tags_never_change_and_the_newest_images_are_kept(name: str, tmp_path: Path) -> None:
    registry, _ = harness.stacks(name, tmp_path)
    inputs = registry.of("repository:Repository")[0].inputs
    assert inputs["dockerConfig"] == {"immutableTags": True}
    assert inputs["cleanupPolicyDryRun"] is False
    policies = {policy["action"]: policy for policy in inputs["cleanupPolicies"]}
    assert policies["KEEP"]["mostRecentVersions"] == {"keepCount": 20}
    assert policies["DELETE"]["condition"]["tagState"] == "UNTAGGED", "a tagged image may be what is rolled back to"


@EVERY
def test_apis_are_enabled_and_never_disabled(name: str, tmp_path: Path) -> None:
    registry, _ = harness.stacks(name, tmp_path)
    apis = registry.of("projects/service:Service")
    assert {each.inputs["service"] for each in apis} >= {"run.googleapis.com", "artifactregistry.googleapis.com"}
    assert all(each.inputs["disableOnDestroy"] is False for each in apis)


# the service


@IMAGES
def test_the_image_is_named_by_its_digest(name: str, tmp_path: Path) -> None:
    assert re.fullmatch(r".+@sha256:[0-9a-f]{64}", container(name, tmp_path)["image"])


@IMAGES
def test_it_can_be_destroyed(name: str, tmp_path: Path) -> None:
    assert run(name, tmp_path)["deletionProtection"] is False


@IMAGES
@pytest.mark.parametrize("live", ["", "0123456789ab", "4c1f02aabbcc"])
def test_traffic_is_always_declared_by_revision(name: str, live: str, tmp_path: Path) -> None:
    inputs = run(name, tmp_path, live=live)
    new, old = "digits-dev-4c1f02aabbcc", f"digits-dev-{live}"
    kind = {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"}
    assert inputs["template"]["revision"] == new
    if old in (new, "digits-dev-"):
        assert inputs["traffics"] == [{**kind, "revision": new, "percent": 100}]
    else:
        assert inputs["traffics"] == [
            {**kind, "revision": old, "percent": 100},
            {**kind, "revision": new, "percent": 0, "tag": "candidate"},
        ]


@IMAGES
def test_what_is_exported_as_release_is_what_serves(name: str, tmp_path: Path) -> None:
    for live, serves in (("", "4c1f02aabbcc"), ("0123456789ab", "0123456789ab")):
        _, service = harness.stacks(name, tmp_path, live=live)
        assert service.outputs["release"] == serves
        assert service.outputs["revision"] == f"digits-dev-{serves}"


@IMAGES
def test_a_candidate_keeps_no_instance_warm(name: str, tmp_path: Path) -> None:
    inputs = run(name, tmp_path, live="0123456789ab")
    assert "minInstanceCount" not in inputs["template"]["scaling"]
    assert inputs["scaling"]["minInstanceCount"] == harness.planned(name, tmp_path).setting("resources.min_instances")


@IMAGES
def test_probes_ask_the_runtimes_own_health_routes(name: str, tmp_path: Path) -> None:
    from mldeploy.handlers.auth import OPEN_PATHS

    found = container(name, tmp_path)
    startup, liveness = found["startupProbe"], found["livenessProbe"]
    assert (startup["httpGet"]["path"], liveness["httpGet"]["path"]) == ("/v2/health/ready", "/v2/health/live")
    assert {startup["httpGet"]["path"], liveness["httpGet"]["path"]} <= set(OPEN_PATHS), "a probe brings no key"
    assert startup["periodSeconds"] * startup["failureThreshold"] <= 240
    assert all(probe["timeoutSeconds"] <= probe["periodSeconds"] for probe in (startup, liveness))


@IMAGES
def test_sizes_fit_each_other(name: str, tmp_path: Path) -> None:
    from mldeploy.providers.gcp.limits import size_of

    template, found = run(name, tmp_path)["template"], container(name, tmp_path)
    limits = found["resources"]["limits"]
    cpu = float(limits["cpu"].removesuffix("m")) / (1000 if limits["cpu"].endswith("m") else 1)
    size = size_of(cpu)
    assert size is not None
    assert size.low_mb <= int(limits["memory"].removesuffix("Mi")) <= size.high_mb
    assert cpu >= 1 or template["maxInstanceRequestConcurrency"] == 1
    assert 1 <= int(template["timeout"].removesuffix("s")) <= 3600


def test_cpu_between_requests_is_paid_for_only_on_request(tmp_path: Path) -> None:
    assert container("plain", tmp_path / "a")["resources"]["cpuIdle"] is True
    assert container("public", tmp_path / "b")["resources"]["cpuIdle"] is False


def test_a_temporary_disk_has_a_bound(tmp_path: Path) -> None:
    template = run("public", tmp_path)["template"]
    assert template["volumes"] == [{"name": "tmp", "emptyDir": {"medium": "MEMORY", "sizeLimit": "1000Mi"}}]
    assert template["containers"][0]["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]


@IMAGES
def test_a_candidate_has_an_address_of_its_own_only_while_there_is_one(name: str, tmp_path: Path) -> None:
    url = "https://digits-dev-abc-ew.a.run.app"
    for live, expected in (("", url), ("0123456789ab", "https://candidate---digits-dev-abc-ew.a.run.app")):
        _, service = harness.stacks(name, tmp_path, live=live)
        assert (service.outputs["url"], service.outputs["candidate_url"]) == (url, expected)


def test_the_candidates_address_is_the_one_that_cloud_run_tells() -> None:
    from mldeploy.providers.gcp.program.run import candidate_url

    told = [{"revision": "a"}, {"tag": "candidate", "uri": "https://candidate---told.a.run.app"}]
    assert candidate_url(told, "https://digits.a.run.app") == "https://candidate---told.a.run.app"
    assert candidate_url(None, "https://digits.a.run.app") == "https://candidate---digits.a.run.app"
    assert candidate_url(None, None) == ""
