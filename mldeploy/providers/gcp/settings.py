"""`clouds.gcp`: what only Google Cloud has. What is left out is decided by the plan and shown by `mldeploy preview`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mldeploy.providers.features import Alarms, Budget, ObjectTrigger, Schedule
from mldeploy.spec.model import Section

DEFAULT_REGION = "europe-west1"
DEFAULT_BASE = "docker.io/library/python:3.13-slim"

# user:ann@example.com, serviceAccount:ci@p.iam.gserviceaccount.com, group:…, domain:…, principal://…, principalSet://…
MEMBER_PATTERN = r"^(user|serviceAccount|group|domain):\S+$|^principal(Set)?://\S+$"
PROJECT_PATTERN = r"^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$"


class Trigger(ObjectTrigger):
    """Every new object of a Cloud Storage bucket is a request."""

    location: str | None = Field(
        default=None,
        pattern=r"^[a-z]+[a-z0-9-]*$",
        description="where the bucket is (europe-west1, or eu for a multi-region); default: the deployment's region",
    )


class GcpSettings(Section):
    """A deployment on Google Cloud."""

    project: str | None = Field(
        default=None, pattern=PROJECT_PATTERN, description="project id; needed by `up`, not by `preview --offline`"
    )
    region: str = Field(default=DEFAULT_REGION, pattern=r"^[a-z]+-[a-z]+[0-9]+$", description="region of everything deployed")
    build: Literal["image", "source"] = Field(
        default="image", description="image: a Cloud Run service from our image; source: a Cloud Run function built by Google"
    )
    base: str = Field(default=DEFAULT_BASE, min_length=1, description="base image: Linux x86_64 with python3 (3.13)")
    cpu: float | None = Field(
        default=None, gt=0, strict=False, description="vCPUs of one instance: below 1, or 1, 2, 4, 6, 8; default: by memory"
    )
    cpu_always_on: bool = Field(
        default=False, description="true: CPU is there between requests, too, and billed for as long as an instance lives"
    )
    cpu_boost: bool = Field(default=True, description="more CPU while an instance starts")
    execution_environment: Literal["gen1", "gen2"] | None = Field(
        default=None, description="sandbox generation; default: gen2, or gen1 for less than 1 vCPU or 512 MiB"
    )
    ingress: Literal["all", "internal"] = Field(
        default="all", description="internal: only callers inside the project's networks reach it, whatever `access` says"
    )
    invokers: list[Annotated[str, Field(pattern=MEMBER_PATTERN)]] = Field(
        default=[], description='who may call with access: private, as IAM members: "user:ann@example.com"'
    )
    max_body_mb: float = Field(default=6.0, gt=0, le=32, strict=False, description="largest request body, MiB")
    start_timeout_s: int = Field(default=120, ge=1, le=240, description="an instance must be ready within this")
    keep_images: int = Field(default=20, ge=2, le=1000, description="so many of the newest images are never cleaned up")
    log_severity: Literal["DEFAULT", "INFO", "WARNING", "ERROR"] = Field(
        default="DEFAULT", description="`mldeploy logs` leaves out what is less severe"
    )
    alarms: Alarms | None = Field(default=None, description="Cloud Monitoring alert policies")
    budget: Budget | None = Field(default=None, description="a Cloud Billing budget over this deployment's label")
    billing_account: str | None = Field(
        default=None, pattern=r"^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", description="whose budget it is: 000000-AAAAAA-000000"
    )
    trigger: Trigger | None = Field(default=None, description="new objects of a bucket are predicted")
    schedule: Schedule | None = Field(default=None, description="a request at fixed times, by Cloud Scheduler")
