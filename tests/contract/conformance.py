"""What every provider has to hold, as a test class. A package that brings a provider subclasses it and gives the object:

class TestMyCloud(ProviderConformance):
    @pytest.fixture
    def provider(self) -> Provider:
        return my_cloud.provider
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from mldeploy import spec, validate
from mldeploy.bundle.contract import Bundle
from mldeploy.errors import DeployError
from mldeploy.handlers.tensor import TensorSpec
from mldeploy.plan import Plan
from mldeploy.progress import SilentReporter
from mldeploy.providers.contract import Finding, Provider, Status
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import ModelSpec

SPEC = """\
version: 1
name: digits
model: {path: model.onnx}
resources: {memory_mb: 512}
env: {LOG_STYLE: plain}
secrets: {DB_TOKEN: env:CONFORMANCE_TOKEN, FROM_FILE: file:token.txt, PLAIN: }
tags: {team: greenhouse}
stages: {prod: {resources: {memory_mb: 1024}}}
"""
SECRET = "the-value-that-must-not-leak"
HEAVY = ("pulumi", "docker", "boto3", "azure", "google.cloud", "numpy", "onnx", "onnxruntime", "sklearn")
STATES = {"serving", "starting", "failing", "stopped", "absent"}


class ProviderConformance:
    """The contract of `mldeploy.providers.contract`, as far as it can be held without an account."""

    @pytest.fixture
    def provider(self) -> Provider:
        raise NotImplementedError("a subclass gives its provider")

    @pytest.fixture
    def text(self) -> str:
        """A spec that this provider takes. Override it where one key has to differ."""
        return SPEC

    @pytest.fixture
    def folder(self, tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "project"
        folder.mkdir()
        (folder / "mldeploy.yaml").write_text(text)
        (folder / "model.onnx").write_bytes(b"x")
        (folder / "token.txt").write_text(SECRET)
        for name in ("CONFORMANCE_TOKEN", "PLAIN"):
            monkeypatch.setenv(name, SECRET)
        return folder

    @pytest.fixture(params=["dev", "prod"])
    def loaded(self, provider: Provider, folder: Path, request: pytest.FixtureRequest) -> LoadedSpec:
        return spec.load(folder / "mldeploy.yaml", request.param, settings_models={provider.name: provider.Settings})

    @pytest.fixture
    def bundle(self, tmp_path: Path) -> Bundle:
        """A bundle whose folder does not exist: who plans does not look inside."""
        tensors = (TensorSpec("x", "FP32", (-1, 64)),), (TensorSpec("y", "FP32", (-1, 10)),)
        return Bundle(tmp_path / "no-such-bundle", "digits", "ab" * 32, "onnx", *tensors)

    @pytest.fixture
    def plan(self, provider: Provider, loaded: LoadedSpec, bundle: Bundle, offline: None) -> Plan:
        return provider.plan(loaded, bundle)

    @pytest.fixture
    def offline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Any connection fails the test."""

        def refuse(*_: Any) -> None:
            raise AssertionError("a pure method went to the network")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)

    # what it is

    def test_it_has_a_name_and_a_title(self, provider: Provider) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9-]*", provider.name)
        assert provider.title.strip()

    def test_settings_may_be_left_out_and_refuse_unknown_keys(self, provider: Provider) -> None:
        assert issubclass(provider.Settings, BaseModel)
        provider.Settings()
        with pytest.raises(ValidationError) as caught:
            provider.Settings.model_validate({"surely_not_a_setting": 1})
        assert caught.value.errors()[0]["type"] == "extra_forbidden"

    def test_every_setting_is_described(self, provider: Provider) -> None:
        for name, field in provider.Settings.model_fields.items():
            assert field.description, f"clouds.{provider.name}.{name} has no description"

    def test_limits_are_sourced_dated_and_of_keys_that_exist(self, provider: Provider) -> None:
        assert provider.limits.title
        assert provider.limits.max_body_bytes > 0
        for key, limit in provider.limits.by_key.items():
            assert limit.source, f"{key} says not where it is documented"
            assert date.fromisoformat(limit.date) <= date.today()
            assert limit.allowed or limit.low is not None or limit.high is not None, f"{key} limits nothing"
            assert limit.low is None or limit.high is None or limit.low <= limit.high
            assert _exists(key, provider), f"no spec has the key {key}"

    def test_importing_it_is_cheap(self, provider: Provider) -> None:
        module = type(provider).__module__
        code = (
            f"import sys; sys.path[:0] = {sys.path!r}; had = set(sys.modules); import {module}; print(*set(sys.modules) - had)"
        )
        loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
        assert not [name for name in loaded if name in HEAVY]

    # what it plans

    def test_a_plain_spec_breaks_no_rule(self, provider: Provider, loaded: LoadedSpec, offline: None) -> None:
        assert validate.validate(loaded, provider) == ()
        assert list(provider.problems(loaded)) == list(provider.problems(loaded))

    def test_the_plan_is_pure(self, provider: Provider, loaded: LoadedSpec, bundle: Bundle, plan: Plan, state: Path) -> None:
        assert provider.plan(loaded, bundle) == plan
        assert not state.exists(), "planning wrote something"

    def test_the_plan_is_json(self, plan: Plan) -> None:
        document = plan.to_dict()
        assert json.loads(json.dumps(document, allow_nan=False))["name"] == "digits"
        assert all(
            isinstance(value, str) for value in (*plan.environment.values(), *plan.secrets.values(), *plan.tags.values())
        )

    def test_the_plan_is_of_this_deployment(self, provider: Provider, loaded: LoadedSpec, bundle: Bundle, plan: Plan) -> None:
        assert (plan.provider, plan.name, plan.stage) == (provider.name, "digits", loaded.stage)
        assert (plan.fingerprint, plan.access, plan.tags) == (bundle.fingerprint, "private", {"team": "greenhouse"})
        assert plan.environment["LOG_STYLE"] == "plain"
        assert plan.resources
        identities = [(resource.kind, resource.name) for resource in plan.resources]
        assert len(set(identities)) == len(identities)

    def test_every_decided_value_says_where_it_comes_from(self, loaded: LoadedSpec, plan: Plan) -> None:
        keys = [setting.key for setting in plan.settings]
        assert len(set(keys)) == len(keys)
        assert all(setting.origin for setting in plan.settings)
        memory = next(setting for setting in plan.settings if setting.key == "resources.memory_mb")
        assert memory.value == (1024 if loaded.stage == "prod" else 512)
        assert memory.origin == loaded.origin("resources.memory_mb")

    def test_no_secret_is_in_the_plan(self, plan: Plan) -> None:
        assert SECRET not in json.dumps(plan.to_dict())
        assert set(plan.secrets) >= {"DB_TOKEN", "FROM_FILE", "PLAIN"}
        assert not set(plan.secrets) & set(plan.environment)

    # what it does

    def test_nothing_deployed_is_no_error(self, provider: Provider) -> None:
        driver = provider.driver("never-deployed", "dev")
        for _ in range(2):
            status = driver.status()
            assert (status.state, status.name, status.stage) == ("absent", "never-deployed", "dev")
            assert driver.outputs() is None
            assert driver.endpoint() is None
            with contextlib.suppress(DeployError):  # saying so is as good as having no lines
                assert list(driver.logs(follow=False, since_s=None, tail=5)) == []
            assert driver.destroy(SilentReporter()) is False

    def test_it_lists_its_deployments(self, provider: Provider) -> None:
        assert [status for status in provider.deployments() if not _is_status(status, provider)] == []

    def test_every_finding_that_is_not_fine_says_how_to_mend_it(self, provider: Provider) -> None:
        findings = list(provider.checks())
        assert findings
        for finding in findings:
            assert isinstance(finding, Finding)
            assert finding.title
            assert finding.message
            assert finding.is_ok or finding.remedy


def _is_status(status: Status, provider: Provider) -> bool:
    return status.provider == provider.name and status.state in STATES


def _exists(key: str, provider: Provider) -> bool:
    """Whether a dotted key is one of the spec's, or of the provider's own block."""
    model: Any = ModelSpec
    steps: Iterator[str] = iter(key.split("."))
    if key.startswith(f"clouds.{provider.name}."):
        model, steps = provider.Settings, iter(key.split(".")[2:])
    for step in steps:
        if step not in model.model_fields:
            return False
        model = model.model_fields[step].annotation
    return True
