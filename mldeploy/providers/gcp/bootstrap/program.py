"""A pool that trusts GitHub for one repository, the deployer's account with its roles, the state's bucket, its secrets' key.

    GitHub's token ─repository─▶ pool ─subject─▶ account ─┬─ role `deploys` on the project
                                                          ├─ role `hands on roles`, under a condition
                                                          ├─ this bucket: objects
                                                          └─ this key: encrypt, decrypt

Exports the GitHub variables that a workflow reads. Bucket and key hold what cannot be made again: the engine deletes neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_gcp import iam, kms, projects, serviceaccount

from mldeploy.providers.gcp.program.quiet import Bucket, BucketIAMMember

ROTATION = "7776000s"  # 90 days
OLD_VERSIONS = 50
PROVIDER, KEY = "github", "state"

Document = Mapping[str, Any]


def bootstrap(document: Document) -> None:
    """Declare everything."""
    project = document["project"]
    apis = [
        projects.Service(f"api-{api.partition('.')[0]}", service=api, project=project, disable_on_destroy=False)
        for api in document["apis"]
    ]
    ready = pulumi.ResourceOptions(depends_on=apis)
    account = serviceaccount.Account(
        "deployer", account_id=document["account"], project=project, display_name=document["description"][:100], opts=ready
    )
    member = account.email.apply(lambda email: f"serviceAccount:{email}")
    pool = _trust(document, account, ready)
    _roles(document, member, ready)
    bucket = _bucket(document, member, ready)
    key = _key(document, member, ready)
    provider = pool.name.apply(lambda name: f"{name}/providers/{PROVIDER}")
    pulumi.export("GCP_WORKLOAD_IDENTITY_PROVIDER", provider)
    pulumi.export("GCP_SERVICE_ACCOUNT", account.email)
    pulumi.export("MLDEPLOY_STATE_GCP", bucket.name.apply(lambda name: f"gs://{name}"))
    pulumi.export("MLDEPLOY_SECRETS_PROVIDER_GCP", key)


def _trust(document: Document, account: serviceaccount.Account, ready: pulumi.ResourceOptions) -> iam.WorkloadIdentityPool:
    """The pool takes tokens of the one repository; the account those of its named environments."""
    pool = iam.WorkloadIdentityPool(
        "pool",
        workload_identity_pool_id=document["pool"],
        project=document["project"],
        description=document["description"][:256],
        opts=ready,
    )
    iam.WorkloadIdentityPoolProvider(
        "github",
        workload_identity_pool_id=pool.workload_identity_pool_id,
        workload_identity_pool_provider_id=PROVIDER,
        project=document["project"],
        attribute_mapping={"google.subject": "assertion.sub", "attribute.repository": "assertion.repository"},
        attribute_condition=f"assertion.repository == '{document['repository']}'",
        oidc={"issuer_uri": document["issuer"]},
    )
    for environment, subject in document["subjects"].items():
        serviceaccount.IAMMember(
            f"trust-{environment}",
            service_account_id=account.name,
            role="roles/iam.workloadIdentityUser",
            member=pool.name.apply(lambda name, subject=subject: f"principal://iam.googleapis.com/{name}/subject/{subject}"),
        )
    return pool


def _roles(document: Document, member: pulumi.Output[str], ready: pulumi.ResourceOptions) -> None:
    wanted = {"deploy": (document["role"], None)}
    if document["grants"]:
        wanted["grants"] = (document["grants"], document["condition"])
    for part, ((role_id, role), condition) in wanted.items():
        made = projects.IAMCustomRole(
            f"role-{part}",
            role_id=role_id,
            project=document["project"],
            title=role["title"],
            stage=role["stage"],
            permissions=role["includedPermissions"],
            opts=ready,
        )
        projects.IAMMember(f"grant-{part}", project=document["project"], role=made.name, member=member, condition=condition)


def _bucket(document: Document, member: pulumi.Output[str], ready: pulumi.ResourceOptions) -> Bucket:
    """Google encrypts it by itself; secrets in the state are encrypted with the key below before they come here."""
    bucket = Bucket(
        "state",
        name=document["bucket"],
        location=document["region"],
        project=document["project"],
        labels=document["labels"],
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        versioning={"enabled": True},
        lifecycle_rules=[{"action": {"type": "Delete"}, "condition": {"num_newer_versions": OLD_VERSIONS}}],
        opts=pulumi.ResourceOptions.merge(ready, pulumi.ResourceOptions(retain_on_delete=True)),
    )
    BucketIAMMember("grant-state", bucket=bucket.name, role="roles/storage.objectUser", member=member)
    return bucket


def _key(document: Document, member: pulumi.Output[str], ready: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """Its name, as the engine takes it. A key ring can never be deleted."""
    kept = pulumi.ResourceOptions(retain_on_delete=True)
    ring = kms.KeyRing(
        "key-ring",
        name=document["key_ring"],
        location=document["region"],
        project=document["project"],
        opts=pulumi.ResourceOptions.merge(ready, kept),
    )
    key = kms.CryptoKey("key", name=KEY, key_ring=ring.id, rotation_period=ROTATION, labels=document["labels"], opts=kept)
    kms.CryptoKeyIAMMember("grant-key", crypto_key_id=key.id, role="roles/cloudkms.cryptoKeyEncrypterDecrypter", member=member)
    return pulumi.Output.concat("gcpkms://", key.id)
