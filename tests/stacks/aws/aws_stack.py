"""Both programs run under Pulumi's mocks (no engine, no provider): what they declare, and what they export.

A mock has to return what a provider would compute (ARNs, URLs, versions): what it leaves out is None, and silently drops the
inputs that are made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks

from mldeploy import spec
from mldeploy.bundle.contract import Bundle
from mldeploy.handlers.tensor import TensorSpec
from mldeploy.plan import Plan
from mldeploy.providers.aws.provider import provider
from mldeploy.stacks.apart import apart

ACCOUNT = "123456789012"
MINIMAL = "version: 1\nname: digits\nmodel: {path: model.onnx}\n"


def with_keys(**keys: Any) -> str:
    """The minimal spec with more top-level keys."""
    return MINIMAL + yaml.safe_dump(keys, sort_keys=False)


def aws(**settings: Any) -> dict[str, Any]:
    """A `clouds` block."""
    return {"aws": {"region": "eu-central-1", **settings}}


TRIGGER = {"bucket": "photos", "prefix": "in/", "suffix": ".jpg", "results_bucket": "answers", "results_prefix": "digits/"}
SCHEDULE = {"cron": "*/30 6-8 * * 1-5", "timezone": "Europe/Berlin", "inputs": [[0.5] * 4]}
OWN_SECRET = f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:team/token-AbC123"

SPECS: Mapping[str, str] = {
    "minimal": MINIMAL,
    "everything": with_keys(
        access="private",
        resources={
            "memory_mb": 3008,
            "timeout_s": 20,
            "min_instances": 2,
            "max_instances": 7,
            "architecture": "arm64",
            "ephemeral_mb": 2048,
        },
        env={"LOG_STYLE": "plain"},
        secrets={"DB_TOKEN": "env:DB_TOKEN", "TEAM_TOKEN": OWN_SECRET},
        tags={"team": "greenhouse"},
        clouds=aws(
            account=ACCOUNT,
            endpoint="http_api",
            tracing=True,
            log_retention_days=7,
            trigger=TRIGGER,
            schedule=SCHEDULE,
            alarms={"email": "ops@example.com", "errors": 3, "throttles": 2, "p95_ms": 250},
            budget={"monthly_usd": 20, "email": "ops@example.com"},
        ),
    ),
    "public": with_keys(access="public"),
    "key": with_keys(access="key"),
    "http_api_key": with_keys(access="key", clouds=aws(endpoint="http_api")),
    "invoke_only": with_keys(clouds=aws(endpoint="none")),
    "trigger": with_keys(clouds=aws(trigger={"bucket": "photos", "suffix": ".jpg"})),
    "schedule": with_keys(clouds=aws(schedule=SCHEDULE)),
    "alarms": with_keys(clouds=aws(alarms={})),
}


def plan_of(folder: Path, text: str, stage: str = "dev") -> Plan:
    """The plan of a spec, validated."""
    (folder / "mldeploy.yaml").write_text(text)
    (folder / "model.onnx").write_bytes(b"x")
    loaded = spec.load(folder / "mldeploy.yaml", stage, settings_models={provider.name: provider.Settings})
    assert list(provider.problems(loaded)) == []
    tensors = (TensorSpec("x", "FP32", (-1, 64)),), (TensorSpec("y", "FP32", (-1, 10)),)
    return provider.plan(loaded, Bundle(folder / "bundle", "digits", "ab" * 32, "onnx", *tensors))


@dataclass(frozen=True)
class Resource:
    """One declared resource; inputs under Pulumi's camelCase names."""

    kind: str
    name: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Stack:
    """What one program declared, in order, and what it exported."""

    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any]

    def of(self, kind: str) -> list[Resource]:
        """Those of one kind ("lambda/function:Function")."""
        return [resource for resource in self.resources if resource.kind == f"aws:{kind}"]

    def only(self, kind: str) -> Mapping[str, Any]:
        """The inputs of the only one of its kind."""
        (found,) = self.of(kind)
        return found.inputs

    def named(self, name: str) -> Mapping[str, Any]:
        """The inputs of the one with this logical name."""
        (found,) = (resource for resource in self.resources if resource.name == name)
        return found.inputs

    def plain(self) -> dict[str, Any]:
        """For goldens."""
        return {
            "resources": {each.name: {"kind": each.kind, "inputs": dict(each.inputs)} for each in self.resources},
            "outputs": dict(self.outputs),
        }


def run(program: Callable[[Any], None], document: Mapping[str, Any]) -> Stack:
    """Run a program of Pulumi's under mocks."""
    return apart(_run, program, document)


def _run(program: Callable[[Any], None], document: Mapping[str, Any]) -> Stack:
    mocks, outputs = _Mocks(document), {}
    pulumi.runtime.set_mocks(mocks, project=document["name"], stack="aws.dev.service", preview=False)

    @pulumi.runtime.test
    def declare() -> Any:
        program(document)
        exported = pulumi.runtime.settings.get_root_resource().outputs
        return pulumi.Output.all(**exported).apply(outputs.update)

    declare()
    return Stack(tuple(mocks.declared), outputs)


class _Mocks(Mocks):
    """Answers as AWS's provider does for what the programs read of one resource to make another."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.region = document["region"]
        self.declared: list[Resource] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        name = args.inputs.get("name", args.name)
        self.declared.append(Resource(args.typ, args.name, args.inputs))
        computed = dict(self._computed(args.typ, name))
        return f"{args.name}-id", {**args.inputs, **computed}

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        assert args.token == "aws:index/getCallerIdentity:getCallerIdentity"
        return {"accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/somebody", "userId": "AIDA"}

    def _computed(self, kind: str, name: str) -> Iterator[tuple[str, str]]:
        within = f"{self.region}:{ACCOUNT}"
        made = {
            "aws:ecr/repository:Repository": {"repositoryUrl": f"{ACCOUNT}.dkr.ecr.{self.region}.amazonaws.com/{name}"},
            "aws:secretsmanager/secret:Secret": {"arn": f"arn:aws:secretsmanager:{within}:secret:{name}-AbCdEf"},
            "aws:cloudwatch/logGroup:LogGroup": {"arn": f"arn:aws:logs:{within}:log-group:{name}"},
            "aws:iam/role:Role": {"arn": f"arn:aws:iam::{ACCOUNT}:role/{name}"},
            "aws:lambda/function:Function": {"arn": f"arn:aws:lambda:{within}:function:{name}", "version": "7"},
            "aws:lambda/alias:Alias": {
                "arn": f"arn:aws:lambda:{within}:function:digits-dev:{name}",
                "invokeArn": f"arn:aws:apigateway:{self.region}:lambda:path/functions/digits-dev:{name}/invocations",
            },
            "aws:lambda/functionUrl:FunctionUrl": {"functionUrl": f"https://abc.lambda-url.{self.region}.on.aws/"},
            "aws:apigatewayv2/api:Api": {"executionArn": f"arn:aws:execute-api:{within}:api1"},
            "aws:apigatewayv2/stage:Stage": {"invokeUrl": f"https://api1.execute-api.{self.region}.amazonaws.com/"},
            "aws:sns/topic:Topic": {"arn": f"arn:aws:sns:{within}:{name}"},
        }
        yield from made.get(kind, {}).items()
