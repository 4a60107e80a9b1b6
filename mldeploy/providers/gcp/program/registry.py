"""The stack that comes first: what an image is pushed to, what the service runs as, where its secrets will be.

It holds no secret's value: `up` puts values into Secret Manager itself, never through the engine's state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_gcp import artifactregistry, projects, secretmanager, serviceaccount

from mldeploy.providers.gcp.program.accounts import Document, member
from mldeploy.providers.gcp.program.quiet import Bucket, BucketIAMMember

UNTAGGED_KEPT = "86400s"  # a push that is under way has untagged parts
_TITLES = {"runtime": "runs", "caller": "calls", "builder": "builds"}


def registry(document: Document) -> None:
    """Declare the registry stack."""
    project, region = document["project"], document["region"]
    apis = [
        projects.Service(f"api-{api.partition('.')[0]}", service=api, project=project, disable_on_destroy=False)
        for api in document["apis"]
    ]
    ready = pulumi.ResourceOptions(depends_on=apis)
    accounts = {role: _account(document, role, ready) for role, name in document["accounts"].items() if name}
    repository = _repository(document, ready)
    _secrets(document, accounts["runtime"], ready)
    if "caller" in accounts and document["trigger"]:
        _project_role(document, "event-receiver", "roles/eventarc.eventReceiver", "caller", accounts["caller"])
    if "builder" in accounts:
        _source(document, repository, accounts["builder"], ready)
    place = f"{region}-docker.pkg.dev/{project}/{document['repository']['id']}"
    pulumi.export("repository", repository.registry_uri.apply(lambda uri: f"{uri or place}/{document['model']}"))
    pulumi.export("repository_id", repository.repository_id)
    pulumi.export("service_account", member(document, "runtime").partition(":")[2])


def _account(document: Document, role: str, ready: pulumi.ResourceOptions) -> serviceaccount.Account:
    return serviceaccount.Account(
        f"account-{role}",
        account_id=document["accounts"][role],
        project=document["project"],
        display_name=f"mldeploy: {_TITLES[role]} {document['name']}",
        opts=ready,
    )


def _repository(document: Document, ready: pulumi.ResourceOptions) -> artifactregistry.Repository:
    """Tags never change, and a tagged image stays until the repository goes: whatever has been served can be served again."""
    return artifactregistry.Repository(
        "repository",
        repository_id=document["repository"]["id"],
        format="DOCKER",
        location=document["region"],
        project=document["project"],
        description=f"images of {document['name']}",
        labels=document["labels"],
        docker_config={"immutable_tags": True},
        cleanup_policy_dry_run=False,
        cleanup_policies=[
            {"id": "keep-newest", "action": "KEEP", "most_recent_versions": {"keep_count": document["repository"]["keep"]}},
            {
                "id": "delete-untagged",
                "action": "DELETE",
                "condition": {"tag_state": "UNTAGGED", "older_than": UNTAGGED_KEPT},
            },
        ],
        opts=ready,
    )


def _secrets(document: Document, runtime: serviceaccount.Account, ready: pulumi.ResourceOptions) -> None:
    """A container for each secret of ours, and the right to read that one secret; the same right on each of the user's own."""
    project = document["project"]
    for name, secret_id in document["secrets"].items():
        secret = secretmanager.Secret(
            f"secret-{name}",
            secret_id=secret_id,
            project=project,
            labels=document["labels"],
            replication={"user_managed": {"replicas": [{"location": document["region"]}]}},
            deletion_protection=False,
            opts=ready,
        )
        _reader(document, name, project, secret_id, [runtime, secret])
    for name, ref in document["secret_refs"].items():
        _reader(document, name, ref["project"], ref["secret"], [runtime])


def _reader(document: Document, name: str, project: str, secret_id: str, after: Sequence[pulumi.Resource]) -> None:
    secretmanager.SecretIamMember(
        f"secret-reader-{name}",
        secret_id=secret_id,
        project=project,
        role="roles/secretmanager.secretAccessor",
        member=member(document, "runtime"),
        opts=pulumi.ResourceOptions(depends_on=after),
    )


def _source(
    document: Document, repository: artifactregistry.Repository, builder: serviceaccount.Account, ready: pulumi.ResourceOptions
) -> None:
    """Where a function's source lies, and what its build may do: read sources, write into our repository, write its log."""
    bucket = Bucket(
        "source",
        name=document["source_bucket"],
        location=document["region"],
        project=document["project"],
        labels=document["labels"],
        force_destroy=True,
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        opts=ready,
    )
    BucketIAMMember(
        "source-reader",
        bucket=bucket.name,
        role="roles/storage.objectViewer",
        member=member(document, "builder"),
        opts=pulumi.ResourceOptions(depends_on=[builder]),
    )
    artifactregistry.RepositoryIamMember(
        "image-writer",
        repository=repository.repository_id,
        location=document["region"],
        project=document["project"],
        role="roles/artifactregistry.writer",
        member=member(document, "builder"),
        opts=pulumi.ResourceOptions(depends_on=[builder]),
    )
    _project_role(document, "build-log", "roles/logging.logWriter", "builder", builder)
    # Google copies the source into a bucket of the project's before it builds.
    _project_role(document, "build-source", "roles/storage.objectViewer", "builder", builder, "gcf-v2-sources-")


def _project_role(
    document: Document, name: str, role: str, who: str, account: serviceaccount.Account, bucket_prefix: str = ""
) -> None:
    """One of the few roles that Google only gives for a whole project, on buckets of one prefix where that is possible."""
    condition: Any = {
        "title": "only-function-sources",
        "expression": f'resource.name.startsWith("projects/_/buckets/{bucket_prefix}")',
    }
    projects.IAMMember(
        name,
        project=document["project"],
        role=role,
        member=member(document, who),
        condition=condition if bucket_prefix else None,
        opts=pulumi.ResourceOptions(depends_on=[account]),
    )
