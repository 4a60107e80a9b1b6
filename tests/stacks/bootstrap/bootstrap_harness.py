"""Each cloud's bootstrap program under Pulumi's mocks, which answer with an id, an ARN and the like for everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks

from mldeploy import spec
from mldeploy.bundle.contract import Bundle
from mldeploy.handlers.tensor import TensorSpec
from mldeploy.iam.contract import Asked, Bootstrapping, Policy
from mldeploy.iam.recording import recorded
from mldeploy.iam.trust import Trust
from mldeploy.plan import Plan
from mldeploy.providers import registry
from mldeploy.stacks.apart import apart
from mldeploy.stacks.driver import StackDriver

ACCOUNT, SUBSCRIPTION, PROJECT = "123456789012", "11111111-2222-4333-8444-555555555555", "shop-1"
REPOSITORY = "acme/digits"
TRUST = Trust(REPOSITORY, ("prod", "preview"))
SUBJECTS = ["repo:acme/digits:environment:prod", "repo:acme/digits:environment:preview"]
SPEC = f"""\
version: 1
name: digits
model: {{path: model.onnx}}
secrets: {{DB_TOKEN: }}
clouds:
  aws: {{region: eu-central-1, account: "{ACCOUNT}"}}
  azure: {{subscription: {SUBSCRIPTION}}}
  gcp: {{project: {PROJECT}}}
"""


@dataclass(frozen=True)
class Declared:
    """One resource, and how the engine treats it."""

    kind: str
    name: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Stack:
    resources: tuple[Declared, ...]
    outputs: Mapping[str, Any]

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        return [each.inputs for each in self.resources if each.kind == kind]

    def only(self, kind: str) -> Mapping[str, Any]:
        (found,) = self.of(kind)
        return found

    def named(self, name: str) -> Mapping[str, Any]:
        (found,) = (each.inputs for each in self.resources if each.name == name)
        return found


def planned(cloud: str, folder: Path, stage: str = "dev") -> Plan:
    (folder / "mldeploy.yaml").write_text(SPEC)
    (folder / "model.onnx").write_bytes(b"x")
    provider = registry.get(cloud)
    loaded = spec.load(folder / "mldeploy.yaml", stage, settings_models=registry.settings_models())
    tensors = (TensorSpec("x", "FP32", (-1, 64)),), (TensorSpec("y", "FP32", (-1, 10)),)
    return provider.plan(loaded, Bundle(folder / "bundle", "digits", "ab" * 32, "onnx", *tensors))


def cloud_of(name: str) -> Any:
    driver = registry.get(name).driver("digits", "dev")
    assert isinstance(driver, StackDriver)
    assert isinstance(driver.cloud, Bootstrapping)
    return driver.cloud


def policy_of(name: str, plan: Plan, *, is_whole: bool = False) -> Policy:
    cloud = cloud_of(name)
    every = [Asked(kind, {}) for kind in cloud.deployer_kinds()] if is_whole else []
    policy: Policy = cloud.deployer(plan.program, (*recorded(cloud, plan), *every))
    return policy


def run(name: str, folder: Path, trust: Trust = TRUST, *, is_whole: bool = False) -> tuple[Stack, Mapping[str, Any]]:
    """What the program declares, and the document that it was given."""
    cloud, plan = cloud_of(name), planned(name, folder)
    document = cloud.bootstrap_document(plan.program, policy_of(name, plan, is_whole=is_whole), trust)
    return apart(_run, cloud.bootstrap(), document), document


def _run(program: Any, document: Mapping[str, Any]) -> Stack:
    declared: list[Declared] = []
    outputs: dict[str, Any] = {}

    class Recorder(Mocks):
        """A stand-in for the engine and the cloud."""

        def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
            if not args.typ.startswith("pulumi:"):
                declared.append(Declared(args.typ, args.name, args.inputs))
            told = {key: f"{key}-of-{args.name}" for key in ("arn", "keyId", "clientId", "tenantId", "principalId")}
            told |= {"email": f"{args.inputs.get('accountId')}@{PROJECT}.iam.gserviceaccount.com"}
            if args.typ.endswith(":WorkloadIdentityPool"):
                told["name"] = f"projects/99/locations/global/workloadIdentityPools/{args.inputs['workloadIdentityPoolId']}"
            return f"{args.name}-id", {**told, "name": args.name, **args.inputs, **told}

        def call(self, args: MockCallArgs) -> dict[str, Any]:
            raise AssertionError(f"a bootstrap asks the cloud nothing: {args.token}")

    pulumi.runtime.set_mocks(Recorder(), project="mldeploy-bootstrap", stack="test", preview=False)

    @pulumi.runtime.test
    def declare() -> Any:
        program(document)
        root = pulumi.runtime.settings.get_root_resource()
        assert root is not None
        return pulumi.Output.all(**root.outputs).apply(outputs.update)

    declare()
    return Stack(tuple(declared), outputs)
