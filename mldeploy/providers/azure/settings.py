"""`clouds.azure`: what only this provider has. What is left out is decided by the plan and shown by `mldeploy preview`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mldeploy.providers.features import Alarms, Budget, ObjectTrigger, Schedule
from mldeploy.spec.model import Section

GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
BASE_IMAGE = "mcr.microsoft.com/azure-functions/python:4-python3.13"


class BlobTrigger(ObjectTrigger):
    """Every new blob of a container is a request. `bucket` is the container's name."""

    account: str = Field(pattern=r"^[a-z0-9]{3,24}$", description="storage account that has the container; it must exist")
    resource_group: str = Field(min_length=1, max_length=90, description="resource group of that account")
    region: str | None = Field(default=None, description="location of that account; default: the deployment's own region")


class AzureSettings(Section):
    """Azure Functions as a container: on Container Apps (scales to zero) or on an Elastic Premium plan."""

    region: str = Field(
        default="northeurope",
        pattern=r"^[a-z][a-z0-9]{2,40}$",
        description="location, as `az account list-locations -o table` names it",
    )
    subscription: str | None = Field(
        default=None, pattern=GUID, description="subscription id; default: AZURE_SUBSCRIPTION_ID or ARM_SUBSCRIPTION_ID"
    )
    tenant: str | None = Field(default=None, pattern=GUID, description="Entra tenant id; only `private: entra` needs it")
    plan: Literal["container_apps", "premium", "flex", "consumption"] = Field(
        default="container_apps",
        description="container_apps or premium; flex and consumption run no image of one's own and are refused",
    )
    premium_size: Literal["EP1", "EP2", "EP3"] = Field(default="EP1", description="with plan premium: 1, 2 or 4 vCPU")
    cpu: float | None = Field(
        default=None,
        gt=0,
        strict=False,
        description="with plan container_apps: vCPU of one replica; its memory is twice that in GiB",
    )
    base_image: str = Field(default=BASE_IMAGE, min_length=1, description="image with the Functions host and Python 3.13")
    port: int = Field(
        default=8080,
        ge=1,
        le=65535,
        description="where the host listens inside the container; below 1024 only with run_as_root",
    )
    run_as_root: bool = Field(default=False, description="run the container as root, where a base image needs it")
    private: Literal["key", "internal", "entra"] = Field(
        default="key",
        description="what `access: private` is: a key that only your Azure sign-in can read, your network, or Entra sign-in",
    )
    subnet: str | None = Field(
        default=None,
        pattern=r"^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Network/virtualNetworks/[^/]+/subnets/[^/]+$",
        description="with plan container_apps: id of the subnet that the environment is put into; `private: internal` needs it",
    )
    client_id: str | None = Field(
        default=None, pattern=GUID, description="with `private: entra`: app registration that callers sign in to"
    )
    zone_redundant: bool = Field(default=False, description="with plan premium: spread over zones (at least three instances)")
    max_body_mb: float = Field(default=6.0, gt=0, strict=False, description="largest request body, MiB")
    start_timeout_s: int = Field(default=230, description="a new instance must be ready within this")
    shared_keys: bool = Field(default=False, description="allow the storage account's own keys, where a tool still needs them")
    log_retention_days: int = Field(default=30, description="how long logs are kept")
    keep_images: int | None = Field(
        default=None, ge=3, le=1000, description="a weekly task deletes older images; left out: all are kept until destroy"
    )
    alarms: Alarms | None = Field(default=Alarms(throttles=None), description="when to say that something is wrong; null: none")
    budget: Budget | None = Field(default=None, description="a monthly sum that is watched; left out: none")
    trigger: BlobTrigger | None = Field(default=None, description="predict every new blob; left out: none")
    schedule: Schedule | None = Field(default=None, description="a request at fixed times; left out: none")
