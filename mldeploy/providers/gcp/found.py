"""What is in the project under this deployment's names and labels, asked of each API: after destroy, and to adopt what a killed
update left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from mldeploy.providers.gcp.client import Client
from mldeploy.providers.gcp.program.accounts import email

Document = Mapping[str, Any]


def residue(client: Client, document: Document) -> Iterator[str]:
    """Everything that is still there, in words. An API that is not enabled has nothing."""
    for words, service, path in _places(document):
        if client.find(service, path) is not None:
            yield words
    yield from _listed(client, document)


def _places(document: Document) -> Iterator[tuple[str, str, str]]:
    """What has a name of ours: in words, the API, and where it would be."""
    project, name = document["project"], document["name"]
    here = f"projects/{project}/locations/{document['region']}"
    if document["build"] == "source":
        yield f"Cloud Run function {name}", "cloudfunctions", f"v2/{here}/functions/{name}"
        yield f"bucket {document['source_bucket']}", "storage", f"storage/v1/b/{document['source_bucket']}"
    yield f"Cloud Run service {name}", "run", f"v2/{here}/services/{name}"
    repository = document["repository"]["id"]
    yield f"Artifact Registry repository {repository}", "artifactregistry", f"v1/{here}/repositories/{repository}"
    for role, account in document["accounts"].items():
        if account:
            address = email(document, role)
            yield f"service account {address}", "iam", f"v1/projects/{project}/serviceAccounts/{quote(address)}"
    if document["trigger"]:
        trigger = document["trigger"]
        place = f"projects/{project}/locations/{trigger['location']}/triggers/{trigger['name']}"
        yield f"Eventarc trigger {trigger['name']}", "eventarc", f"v1/{place}"
        if document["build"] == "source":
            yield f"Cloud Run function {trigger['function']}", "cloudfunctions", f"v2/{here}/functions/{trigger['function']}"
    if document["schedule"]:
        job = document["schedule"]["name"]
        yield f"Scheduler job {job}", "cloudscheduler", f"v1/{here}/jobs/{job}"


def _listed(client: Client, document: Document) -> Iterator[str]:
    """What is found by its label, so that a secret or an alarm that was renamed shows as well."""
    project, label = document["project"], document["labels"]["deployment"]
    for secret in client.pages(
        "secretmanager", f"v1/projects/{project}/secrets", "secrets", filter=f"labels.deployment={label}"
    ):
        yield f"secret {secret['name'].rpartition('/')[2]}"
    by_label = f'user_labels.deployment="{label}"'
    for policy in client.pages("monitoring", f"v3/projects/{project}/alertPolicies", "alertPolicies", filter=by_label):
        yield f"alert policy {policy['displayName']}"
    channels = client.pages(
        "monitoring", f"v3/projects/{project}/notificationChannels", "notificationChannels", filter=by_label
    )
    for channel in channels:
        yield f"notification channel {channel['displayName']}"
    if document["budget"]:
        account = document["budget"]["billing_account"]
        for budget in client.pages("billingbudgets", f"v1/billingAccounts/{account}/budgets", "budgets"):
            if budget.get("displayName") == f"mldeploy: {document['name']}":
                yield f"budget {budget['displayName']}"


_LISTS = {
    "gcp:monitoring/alertPolicy:AlertPolicy": ("monitoring", "v3/projects/{project}/alertPolicies", "alertPolicies"),
    "gcp:monitoring/notificationChannel:NotificationChannel": (
        "monitoring",
        "v3/projects/{project}/notificationChannels",
        "notificationChannels",
    ),
    "gcp:billing/budget:Budget": ("billingbudgets", "v1/billingAccounts/{billingAccount}/budgets", "budgets"),
}


def is_listed(kind: str) -> bool:
    """Whether Google gives the id of this kind itself, so that it can only be looked for."""
    return kind in _LISTS


def listed_id(client: Client, kind: str, inputs: Mapping[str, Any]) -> str | None:
    """The id of the one with this display name, where Google gives ids itself; None when there is none, or more than one."""
    service, path, key = _LISTS[kind]
    entries = client.pages(service, path.format_map(inputs), key)
    names = [str(entry["name"]) for entry in entries if entry.get("displayName") == inputs.get("displayName")]
    return names[0] if len(names) == 1 else None
