"""Specs that between them use every feature of the Azure programs, and the programs run on them under Pulumi's mocks.

The mocks are a stand-in for the engine and for Azure: they answer with the inputs and the few values that only Azure knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_mocks

from mldeploy import spec
from mldeploy.bundle.contract import Bundle
from mldeploy.handlers.tensor import TensorSpec
from mldeploy.plan import Plan
from mldeploy.providers.azure.provider import provider
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.stacks.apart import apart

SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
TENANT = "99999999-8888-4777-8666-555555555555"
CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
SUBNET = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/v/subnets/apps"
RELEASE, LIVE = "0123456789ab", "fedcba987654"
DIGEST = "sha256:" + "ab" * 32
HEAD = "version: 1\nname: digits\nmodel: {path: model.onnx}\n"
OURS = f"subscription: {SUBSCRIPTION}"
ENTRA = f"private: entra, client_id: {CLIENT}, tenant: {TENANT}"

SPECS = {
    "plain": f"clouds: {{azure: {{{OURS}}}}}\n",
    "key": f"""\
access: key
secrets: {{DB_TOKEN: env:T, SHARED: 'https://team.vault.azure.net/secrets/shared'}}
clouds: {{azure: {{{OURS}}}}}
""",
    "public": f"""\
access: public
resources: {{memory_mb: 4096, min_instances: 1, max_instances: 30, concurrency: 4}}
clouds: {{azure: {{{OURS}}}}}
""",
    "entra": f"tags: {{team: greenhouse}}\nclouds: {{azure: {{{OURS}, {ENTRA}}}}}\n",
    "everything": f"""\
access: public
env: {{LOG_STYLE: plain}}
secrets: {{DB_TOKEN: }}
clouds:
  azure:
    {OURS}
    keep_images: 5
    alarms: {{email: ada@example.org, errors: 3, throttles: 2, p95_ms: 250}}
    budget: {{monthly_usd: 40, email: ada@example.org}}
    trigger: {{bucket: photos, account: pictures, resource_group: shared, prefix: in/, suffix: .jpg}}
    schedule: {{cron: "0 6 * * 1-5", inputs: [[1.0, 2.0]]}}
""",
    "premium-key": f"""\
access: key
secrets: {{DB_TOKEN: }}
clouds:
  azure:
    {OURS}
    plan: premium
    premium_size: EP2
    alarms: {{email: ada@example.org, p95_ms: 250}}
    budget: {{monthly_usd: 400, email: ada@example.org}}
    trigger: {{bucket: photos, account: pictures, resource_group: shared, results_bucket: answers}}
    schedule: {{cron: "*/10 * * * *", inputs: {{a: 1}}}}
""",
    "internal": f"clouds: {{azure: {{{OURS}, private: internal, subnet: {SUBNET}}}}}\n",
    "premium": f"clouds: {{azure: {{{OURS}, plan: premium}}}}\n",
    "premium-internal": f"clouds: {{azure: {{{OURS}, plan: premium, private: internal, alarms: null}}}}\n",
    "premium-entra": f"clouds: {{azure: {{{OURS}, plan: premium, {ENTRA}}}}}\n",
    "premium-public": f"""\
access: public
clouds: {{azure: {{{OURS}, plan: premium, zone_redundant: true, shared_keys: true}}}}
""",
}


@dataclass(frozen=True)
class Resource:
    """What a program registered: Pulumi type, logical name, inputs."""

    kind: str
    name: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Recorded:
    """A run of one program."""

    resources: tuple[Resource, ...]
    exports: Mapping[str, Any]

    def of(self, kind: str) -> list[Resource]:
        return [each for each in self.resources if each.kind == f"azure-native:{kind}"]

    def one(self, kind: str) -> Mapping[str, Any]:
        (found,) = self.of(kind)
        return found.inputs


def load(folder: Path, text: str, stage: str = "dev") -> LoadedSpec:
    """The spec `HEAD + text`, loaded from `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mldeploy.yaml").write_text(HEAD + text)
    (folder / "model.onnx").write_bytes(b"x")
    return spec.load(folder / "mldeploy.yaml", stage, settings_models={"azure": provider.Settings})


def bundle() -> Bundle:
    """One that only has to be named."""
    tensors = (TensorSpec("x", "FP32", (-1, 64)),), (TensorSpec("y", "FP32", (-1, 10)),)
    return Bundle(Path("no-such-bundle"), "digits", "ab" * 32, "onnx", *tensors)


def plan(folder: Path, text: str, stage: str = "dev") -> Plan:
    return provider.plan(load(folder, text, stage), bundle())


def service_document(document: Mapping[str, Any], live: str = "") -> dict[str, Any]:
    """The document of `service`, as the driver completes it. `month` stands for today in the budget."""
    host = f"{document['names']['registry']}.azurecr.io"
    image = f"{host}/digits@{DIGEST}"
    return {**document, "image": image, "release": RELEASE, "live": live, "month": "2026-11-01T00:00:00Z"}


def run(program: Callable[[Mapping[str, Any]], None], document: Mapping[str, Any]) -> Recorded:
    """`program` under the mocks."""
    return apart(_run, program, document)


def _run(program: Callable[[Mapping[str, Any]], None], document: Mapping[str, Any]) -> Recorded:
    found: list[Resource] = []
    exports: dict[str, Any] = {}

    class Recorder(Mocks):
        def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
            if args.typ.startswith("azure-native:"):
                found.append(Resource(args.typ, args.name, json.loads(json.dumps(args.inputs))))
            return _id(args), {**args.inputs, **_answers(args)}

        def call(self, args: MockCallArgs) -> dict[str, Any]:
            raise AssertionError(f"the programs ask Azure nothing: {args.token}")

    set_mocks(Recorder(), project="mldeploy", stack="test", preview=False)
    original = pulumi.export
    pulumi.export = lambda name, value: exports.__setitem__(name, value)
    try:
        pulumi.runtime.test(lambda: _program(program, document, exports))()
    finally:
        pulumi.export = original
    return Recorded(tuple(sorted(found, key=lambda each: (each.kind, each.name))), exports)


def _program(program: Callable[[Mapping[str, Any]], None], document: Mapping[str, Any], exports: dict[str, Any]) -> Any:
    program(document)
    return pulumi.Output.all(**exports).apply(exports.update)


def _id(args: MockResourceArgs) -> str:
    from mldeploy.providers.azure.ids import physical_id

    return physical_id(args.typ, args.inputs, SUBSCRIPTION) or f"/no-id/{args.typ}/{args.name}"


def _answers(args: MockResourceArgs) -> dict[str, Any]:
    """What only Azure knows."""
    names = {
        "azure-native:containerregistry:Registry": ("registryName", lambda name: {"loginServer": f"{name}.azurecr.io"}),
        "azure-native:managedidentity:UserAssignedIdentity": (
            "resourceName",
            lambda name: {"clientId": f"client-of-{name}", "principalId": f"principal-of-{name}", "tenantId": TENANT},
        ),
        "azure-native:operationalinsights:Workspace": ("workspaceName", lambda name: {"customerId": f"workspace-of-{name}"}),
        "azure-native:applicationinsights:Component": (
            "resourceName",
            lambda name: {"connectionString": f"InstrumentationKey=00000000-0000-0000-0000-000000000000;Of={name}"},
        ),
        "azure-native:app:ManagedEnvironment": (
            "environmentName",
            lambda name: {"defaultDomain": "calm-sea.northeurope.azurecontainerapps.io"},
        ),
        "azure-native:web:WebApp": ("name", lambda name: {"defaultHostName": f"{name}.azurewebsites.net"}),
    }
    key, answer = names.get(args.typ, ("", lambda name: {}))
    named = next((args.inputs[each] for each in _NAME_KEYS if each in args.inputs), args.name)
    told = {"name": named, **answer(str(args.inputs.get(key, "")))}
    if "identity" in args.inputs:  # Azure gives a map of identities for the list that it takes
        given = args.inputs["identity"]
        told["identity"] = {**given, "userAssignedIdentities": {name: {} for name in given["userAssignedIdentities"]}}
    return told


_NAME_KEYS = (
    "queueName", "containerAppName", "environmentName", "registryName", "vaultName", "accountName", "systemTopicName",
    "resourceName", "workspaceName", "resourceGroupName", "name",
)  # fmt: skip
