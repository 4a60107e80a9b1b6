"""`clouds.aws`: what only AWS Lambda has. What is left out is decided by the plan and shown by `mldeploy preview`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mldeploy.providers.features import Alarms, Budget, ObjectTrigger, Schedule
from mldeploy.spec.model import Section

BASE = "public.ecr.aws/docker/library/python:3.13-slim"


class AwsSettings(Section):
    """Where and how AWS Lambda runs the model."""

    region: str = Field(
        default="us-east-1", pattern=r"^[a-z]{2}(-[a-z]+)+-\d+$", description="where everything is: eu-central-1"
    )
    account: str | None = Field(
        default=None, pattern=r"^\d{12}$", description="a guard: refuse credentials of any other account than this one"
    )
    base: str = Field(default=BASE, min_length=1, description="base image: Python 3.13 and glibc, for the architecture")
    endpoint: Literal["url", "http_api", "none"] = Field(
        default="url", description="url: a function URL; http_api: an API Gateway HTTP API; none: Lambda's Invoke API alone"
    )
    provisioned_concurrency: int | None = Field(
        default=None, ge=0, description="environments kept warm, billed by the hour; default: resources.min_instances"
    )
    reserved_concurrency: int | None = Field(
        default=None, ge=0, description="upper bound, taken from the account's quota; default: resources.max_instances"
    )
    log_retention_days: int = Field(default=30, description="how long CloudWatch keeps the log")
    tracing: bool = Field(default=False, description="send traces to X-Ray")
    trigger: ObjectTrigger | None = Field(default=None, description="predict every new object of an S3 bucket")
    schedule: Schedule | None = Field(default=None, description="ask at fixed times (EventBridge Scheduler)")
    alarms: Alarms | None = Field(default=None, description="CloudWatch alarms; {} has the default ones")
    budget: Budget | None = Field(default=None, description="an AWS budget over this deployment's tag")
