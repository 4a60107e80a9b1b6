"""Google Cloud's types: ids as the Terraform provider for Google documents them under "Import"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from standin.kind import Inputs, Kind, Scope, number

PLACE = ("project", "location", "name")


def _account(scope: Scope, physical_id: str, inputs: Inputs) -> Mapping[str, Any]:
    email = physical_id.rsplit("/", 1)[1]
    return {
        "email": email,
        "member": f"serviceAccount:{email}",
        "name": physical_id,
        "uniqueId": number(physical_id, digits=21),
    }


def _repository(scope: Scope, physical_id: str, inputs: Inputs) -> Mapping[str, Any]:
    uri = f"{scope.registry}/{scope.project}/{inputs['repositoryId']}"
    return {"name": inputs["repositoryId"], "registryUri": uri}


def _named(scope: Scope, physical_id: str, inputs: Inputs) -> Mapping[str, Any]:
    return {"name": physical_id}


def _trigger(scope: Scope, physical_id: str, inputs: Inputs) -> Mapping[str, Any]:
    return {"uid": number(physical_id), "etag": "1"}


def _bucket(scope: Scope, physical_id: str, inputs: Inputs) -> Mapping[str, Any]:
    return {"url": f"gs://{physical_id}", "selfLink": f"https://www.googleapis.com/storage/v1/b/{physical_id}"}


KINDS: Mapping[str, Kind] = {
    "gcp:projects/service:Service": Kind("{project}/{service}", ("project", "service"), is_binding=True),
    "gcp:projects/iAMMember:IAMMember": Kind("{project} {role} {member}", ("project", "role", "member"), is_binding=True),
    "gcp:artifactregistry/repository:Repository": Kind(
        "projects/{project}/locations/{location}/repositories/{repositoryId}",
        ("project", "location", "repositoryId", "format", "mode"),
        _repository,
    ),
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": Kind(
        "projects/{project}/locations/{location}/repositories/{repository} {role} {member}",
        ("project", "location", "repository", "role", "member"),
        is_binding=True,
    ),
    "gcp:serviceaccount/account:Account": Kind(
        "projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com", ("project", "accountId"), _account
    ),
    "gcp:serviceaccount/iAMMember:IAMMember": Kind(
        "{serviceAccountId} {role} {member}", ("serviceAccountId", "role", "member"), is_binding=True
    ),
    "gcp:cloudrunv2/service:Service": Kind(
        "projects/{project}/locations/{location}/services/{name}",
        PLACE,
        is_service=True,
        defaults={"deletionProtection": True, "ingress": "INGRESS_TRAFFIC_ALL"},
    ),
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": Kind(
        "projects/{project}/locations/{location}/services/{name} {role} {member}", (*PLACE, "role", "member"), is_binding=True
    ),
    "gcp:cloudfunctionsv2/function:Function": Kind(
        "projects/{project}/locations/{location}/functions/{name}", PLACE, is_service=True
    ),
    "gcp:secretmanager/secret:Secret": Kind(
        "projects/{project}/secrets/{secretId}", ("project", "secretId", "replication"), _named
    ),
    "gcp:secretmanager/secretIamMember:SecretIamMember": Kind(
        "projects/{project}/secrets/{secretId} {role} {member}", ("project", "secretId", "role", "member"), is_binding=True
    ),
    "gcp:eventarc/trigger:Trigger": Kind(
        "projects/{project}/locations/{location}/triggers/{name}", (*PLACE, "matchingCriterias"), _trigger
    ),
    "gcp:cloudscheduler/job:Job": Kind("projects/{project}/locations/{region}/jobs/{name}", ("project", "region", "name")),
    "gcp:monitoring/alertPolicy:AlertPolicy": Kind("projects/{project}/alertPolicies/{number}", ("project",), _named),
    "gcp:monitoring/notificationChannel:NotificationChannel": Kind(
        "projects/{project}/notificationChannels/{number}", ("project",), _named
    ),
    "gcp:billing/budget:Budget": Kind("billingAccounts/{billingAccount}/budgets/{number}", ("billingAccount",), _named),
    "gcp:storage/bucket:Bucket": Kind("{name}", ("project", "name", "location"), _bucket),
    "gcp:storage/bucketObject:BucketObject": Kind("{bucket}-{name}", ("bucket", "name")),
    "gcp:storage/bucketIAMMember:BucketIAMMember": Kind(
        "b/{bucket} {role} {member}", ("bucket", "role", "member"), is_binding=True
    ),
}


def conflict(kind: Kind, token: str, physical_id: str) -> str:
    """The provider's words when something of that name is there."""
    name = token.rsplit(":", 1)[1]
    return f"Error creating {name}: googleapi: Error 409: Resource '{physical_id}' already exists."
