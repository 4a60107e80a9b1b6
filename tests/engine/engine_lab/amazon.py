"""moto, started, and somebody's hands in its console."""

from __future__ import annotations

import contextlib
import json
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from engine_lab import certificates, found
from engine_lab.lab import Thing
from engine_lab.processes import free_port, serving

HERE = Path(__file__).parents[1]


@dataclass
class Amazon:
    """A running moto with nothing of ours in it."""

    url: str
    region: str
    door: int
    authorities: Path
    log: Path

    def client(self, service: str) -> Any:
        """boto3 on it."""
        return boto3.client(
            service,
            region_name=self.region,
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def everything(self) -> list[Thing]:
        """All that mldeploy could have made."""
        return [Thing(kind, name) for kind, names in self._listed().items() for name in names]

    def _listed(self) -> dict[str, list[str]]:
        functions, roles = self.client("lambda").list_functions()["Functions"], self.client("iam").list_roles()["Roles"]
        secrets = self.client("secretsmanager").list_secrets()["SecretList"]
        return {
            "repository": [each["repositoryName"] for each in self.client("ecr").describe_repositories()["repositories"]],
            "function": [each["FunctionName"] for each in functions],
            "role": [each["RoleName"] for each in roles if not each["Path"].startswith("/aws-service-role")],
            "log group": [each["logGroupName"] for each in self.client("logs").describe_log_groups()["logGroups"]],
            "secret": [each["Name"] for each in secrets if "DeletedDate" not in each],
            "alarm": [each["AlarmName"] for each in self.client("cloudwatch").describe_alarms()["MetricAlarms"]],
            "schedule": [each["Name"] for each in self.client("scheduler").list_schedules()["Schedules"]],
            "api": [each["Name"] for each in self.client("apigatewayv2").get_apis()["Items"]],
        }

    def function(self) -> str:
        """The name of the served function."""
        return str(self.client("lambda").list_functions()["Functions"][0]["FunctionName"])

    def change_memory(self) -> None:
        """Change the function by hand."""
        self.client("lambda").update_function_configuration(FunctionName=self.function(), MemorySize=3008)

    def delete_function(self) -> None:
        """Delete the function by hand."""
        self.client("lambda").delete_function(FunctionName=self.function())

    def refuse_function(self, is_on: bool) -> str:
        """Somebody else has, or had, the log group that the function needs: AWS answers that it exists. (A function of its
        name would do, too, but then the provider asks again for ten minutes.)"""
        logs, name = self.client("logs"), "/aws/lambda/doubler-dev"
        logs.create_log_group(logGroupName=name) if is_on else logs.delete_log_group(logGroupName=name)
        return "already"


@contextlib.contextmanager
def amazon(registry: str, folder: Path, region: str = "eu-central-1") -> Iterator[Amazon]:
    """moto with images that run (where AWS's emulator is at hand), pushing to `registry`."""
    port, door = free_port(), free_port()
    bundle, certificate, key = certificates.make(folder, [f"*.lambda-url.{region}.standin.test"])
    document = {
        "port": port,
        "door": door,
        "registry": registry,
        "emulator": str(found.lambda_emulator()),
        "owner": uuid.uuid4().hex,
        "certificate": str(certificate),
        "key": str(key),
    }
    log = folder / "moto.log"
    command = [sys.executable, "-m", "amazon", json.dumps(document)]
    with serving(command, port, log, {"PYTHONPATH": str(HERE), "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}):
        yield Amazon(f"http://127.0.0.1:{port}", region, door, bundle, log)
