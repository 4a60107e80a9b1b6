"""Every body that the programs would send, compared with what Google publishes; and that this comparison can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gcp_harness as harness
import pytest

rest_form = harness.rest_form


@pytest.mark.parametrize("name", sorted(set(harness.SPECS) - {"no-project"}))
@pytest.mark.parametrize("live", ["", "0123456789ab"])
def test_every_body_is_as_google_publishes_it(name: str, live: str, tmp_path: Path) -> None:
    registry, service = harness.stacks(name, tmp_path, live=live)
    resources = [*registry.resources, *service.resources]
    assert resources
    assert [problem for each in resources for problem in rest_form.problems(each.token, each.inputs)] == []


def test_every_type_that_is_declared_has_a_form(tmp_path: Path) -> None:
    declared = {
        resource.token
        for name in harness.SPECS
        for stack in harness.stacks(name, tmp_path / name)
        for resource in stack.resources
    }
    assert declared == set(rest_form.FORMS), "a form that nothing needs, or a type without one"


def service(tmp_path: Path, **container: Any) -> dict[str, Any]:
    """The Cloud Run service of the plain spec, with another container."""
    _, stack = harness.stacks("plain", tmp_path)
    inputs = dict(stack.of("cloudrunv2/service:Service")[0].inputs)
    template = inputs["template"]
    return {**inputs, "template": {**template, "containers": [{**template["containers"][0], **container}]}}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"resources": {"limits": {"cpu": "1"}, "startupBoost": True}}, "resources.startupBoost: no such field"),
        ({"env": [{"name": "A", "value": "1"}]}, "env (Pulumi calls it envs): no such field"),
        ({"envs": [{"name": "A", "value": 1}]}, "env[0].value: 1 is no string"),
        ({"startupProbe": {"httpGet": {"path": "/", "port": "8080"}}}, "httpGet.port: '8080' is no integer"),
        ({"resources": {"cpuIdle": "true"}}, "cpuIdle: 'true' is no boolean"),
    ],
)
def test_a_wrong_container_is_found(change: dict[str, Any], expected: str, tmp_path: Path) -> None:
    found = rest_form.problems("gcp:cloudrunv2/service:Service", service(tmp_path, **change))
    assert len(found) == 1
    assert found[0].endswith(expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"ingress": "INGRESS_ALL"}, "'INGRESS_ALL' is not one of"),
        ({"uri": "https://x"}, "uri: output only"),
        ({"traffic": []}, "traffic (Pulumi calls it traffics): no such field"),
        ({"labels": {"a": 1}}, "labels.a: 1 is no string"),
    ],
)
def test_a_wrong_service_is_found(change: dict[str, Any], expected: str, tmp_path: Path) -> None:
    found = rest_form.problems("gcp:cloudrunv2/service:Service", {**service(tmp_path), **change})
    assert len(found) == 1
    assert expected in found[0]


def test_a_wrong_policy_is_found() -> None:
    inputs = {"repositoryId": "r", "format": "DOCKERS", "cleanupPolicies": [{"id": "a", "action": "REMOVE"}]}
    found = rest_form.problems("gcp:artifactregistry/repository:Repository", inputs)
    assert [problem.partition(": ")[0] for problem in found] == ["Repository.format", "Repository.cleanupPolicies.a.action"]
