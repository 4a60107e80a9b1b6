"""A spec's two programs under Pulumi's mocks: what they declare, and what they export.

The mocks answer the few outputs that Google would give and that other resources take (an address, a URL, a name).
"""

from __future__ import annotations

import importlib.util
import json
import sys
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
from mldeploy.providers.gcp.plan import plan
from mldeploy.providers.gcp.program.registry import registry
from mldeploy.providers.gcp.program.service import service
from mldeploy.providers.gcp.settings import GcpSettings
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.stacks.apart import apart

DIGEST = "sha256:" + "7f" * 32
IMAGE = {"image": f"europe-west1-docker.pkg.dev/shop-1/digits-dev/digits@{DIGEST}", "release": "4c1f02aabbcc", "live": ""}
SOURCE = {"source": __file__, "source_digest": "ab" * 32, "release": "4c1f02aabbcc", "live": ""}
HEAD = "version: 1\nname: digits\nmodel: {path: model.onnx}\n"

SPECS = {
    "plain": HEAD + "clouds: {gcp: {project: shop-1}}\n",
    "no-project": HEAD,
    "callers": HEAD
    + """\
tags: {team: greenhouse}
clouds:
  gcp:
    project: example.com:shop-1
    ingress: internal
    invokers: ["user:ann@example.com", "serviceAccount:ci@shop-1.iam.gserviceaccount.com"]
""",
    "key": HEAD
    + """\
access: key
secrets: {DB_TOKEN: env:TOKEN, SHARED: "secretmanager:projects/vault-1/secrets/shared/versions/3", OWN: "secretmanager:own"}
clouds: {gcp: {project: shop-1}}
""",
    "public": HEAD
    + """\
access: public
resources: {memory_mb: 6000, timeout_s: 3599, concurrency: 3, min_instances: 2, max_instances: 40, ephemeral_mb: 1000}
env: {LOG_STYLE: plain}
clouds: {gcp: {project: shop-1, region: us-central1, cpu: 4, cpu_always_on: true, execution_environment: gen2}}
""",
    "small": HEAD + "resources: {memory_mb: 256}\nclouds: {gcp: {project: shop-1, cpu: 0.25, cpu_boost: false}}\n",
    "watched": HEAD
    + """\
clouds:
  gcp:
    project: shop-1
    alarms: {email: ops@example.com, errors: 5, throttles: 2, p95_ms: 250.0}
    budget: {monthly_usd: 12.5, email: money@example.com}
    billing_account: 0ABCDE-123456-FEDCBA
""",
    "events": HEAD
    + """\
clouds:
  gcp:
    project: shop-1
    trigger: {bucket: photos, prefix: in/, suffix: .jpg, results_bucket: answers, results_prefix: out/, location: eu}
    schedule: {cron: "0 6 * * *", timezone: Europe/Berlin, inputs: [[1, 2]]}
""",
    "source": HEAD + "access: public\nsecrets: {DB_TOKEN: env:TOKEN}\nclouds: {gcp: {project: shop-1, build: source}}\n",
    "source-events": HEAD + "clouds: {gcp: {project: shop-1, build: source, trigger: {bucket: photos}}}\n",
}


@dataclass(frozen=True)
class Declared:
    """One resource: Pulumi's type token, its name in the program, its inputs as the engine gets them."""

    token: str
    name: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Stack:
    resources: tuple[Declared, ...]
    outputs: Mapping[str, Any]

    def of(self, kind: str) -> tuple[Declared, ...]:
        """The resources whose token ends in `kind` ("cloudrunv2/service:Service")."""
        return tuple(resource for resource in self.resources if resource.token.endswith(kind))


class _Google(Mocks):
    """A stand-in for the provider: it records, and answers what Google would add."""

    def __init__(self) -> None:
        self.resources: list[Declared] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = dict(args.inputs)
        if args.typ.startswith("gcp:"):
            self.resources.append(Declared(args.typ, args.name, inputs))
        answers = {
            "Repository": {"registryUri": f"{inputs.get('location')}-docker.pkg.dev/x/{inputs.get('repositoryId')}"},
            "Service": {"uri": "https://digits-dev-abc-ew.a.run.app"},
            "Function": {"serviceConfig": {**inputs.get("serviceConfig", {}), "uri": "https://digits-dev-fn.a.run.app"}},
            "NotificationChannel": {"name": f"projects/shop-1/notificationChannels/{args.name}"},
        }
        return f"{args.name}-id", {**inputs, **answers.get(args.typ.rpartition(":")[2], {})}

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        assert args.token == "gcp:storage/getProjectServiceAccount:getProjectServiceAccount"
        email = "service-123@gs-project-accounts.iam.gserviceaccount.com"
        return {"emailAddress": email, "member": f"serviceAccount:{email}", "id": email, "project": args.args["project"]}


def load(text: str, folder: Path, stage: str = "dev") -> LoadedSpec:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mldeploy.yaml").write_text(text)
    (folder / "model.onnx").write_bytes(b"x")
    return spec.load(folder / "mldeploy.yaml", stage, settings_models={"gcp": GcpSettings})


def bundle(fingerprint: str = "ab" * 32) -> Bundle:
    tensors = (TensorSpec("x", "FP32", (-1, 64)),), (TensorSpec("y", "FP32", (-1, 10)),)
    return Bundle(Path("/nowhere"), "digits", fingerprint, "onnx", *tensors)


def planned(name: str, folder: Path) -> Plan:
    return plan(load(SPECS[name], folder), bundle())


def run(program: Callable[[Mapping[str, Any]], None], document: Mapping[str, Any]) -> Stack:
    """What the program declares for this document."""
    return apart(_run, program, document)


def _run(program: Callable[[Mapping[str, Any]], None], document: Mapping[str, Any]) -> Stack:
    mocks = _Google()
    outputs: dict[str, Any] = {}

    @pulumi.runtime.test
    def declare() -> pulumi.Output[Any]:
        program(document)
        root = pulumi.runtime.settings.get_root_resource()
        assert root is not None
        return pulumi.Output.all(**root.outputs).apply(outputs.update)

    set_mocks(mocks, project="digits", stack="dev", preview=False)
    declare()
    return Stack(tuple(mocks.resources), outputs)


def plain(value: Any) -> Any:
    """JSON values; a file is named by its kind."""
    return json.loads(json.dumps(value, default=lambda other: f"<{type(other).__name__}>"))


def stacks(name: str, folder: Path, **changes: Any) -> tuple[Stack, Stack]:
    """Both stacks of a spec; `changes` are put over the service's document."""
    document = dict(planned(name, folder).program)
    extra = IMAGE if document["build"] == "image" else SOURCE
    return run(registry, document), run(service, {**document, **extra, **changes})


def module(name: str, path: Path) -> Any:
    """A test module under a name that no other folder has."""
    if name not in sys.modules:
        found = importlib.util.spec_from_file_location(name, path)
        assert found is not None
        assert found.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(found)
        found.loader.exec_module(sys.modules[name])
    return sys.modules[name]


rest_form = module("gcp_rest_form", Path(__file__).parent / "rest_form.py")
