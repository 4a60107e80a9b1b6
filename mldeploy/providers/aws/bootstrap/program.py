"""OIDC provider, the deployer's role with two inline policies, the state's bucket (versions, encrypted), its secrets' key.

    GitHub's token ─sub, aud─▶ role ─┬─ deploy: the generated policy
                                     └─ state:  this bucket, this key

Exports the GitHub variables that a workflow reads. Bucket and key hold what cannot be made again: the engine deletes neither.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

with warnings.catch_warnings():  # the SDK's package warns of names of its own that nobody here uses
    warnings.simplefilter("ignore", DeprecationWarning)
    from pulumi_aws import s3

AUDIENCE = "sts.amazonaws.com"
OLD_VERSIONS_DAYS = 90
SESSION_S = 3600

Document = Mapping[str, Any]


def bootstrap(document: Document) -> None:
    """Declare everything."""
    kept = pulumi.ResourceOptions(retain_on_delete=True)
    key = aws.kms.Key(
        "key",
        description=f"{document['description']}: secrets in the state",
        enable_key_rotation=True,
        deletion_window_in_days=30,
        tags=document["tags"],
        opts=kept,
    )
    aws.kms.Alias("key-alias", name=document["key_alias"], target_key_id=key.key_id, opts=kept)
    bucket = _bucket(document, key)
    role = _role(document)
    aws.iam.RolePolicy(
        "deploy-policy", name="deploy", role=role.name, policy=json.dumps(document["policy"], separators=(",", ":"))
    )
    state = pulumi.Output.all(bucket.arn, key.arn).apply(lambda known: json.dumps(_state(*known), separators=(",", ":")))
    aws.iam.RolePolicy("state-policy", name="state", role=role.name, policy=state)
    region = document["region"]
    pulumi.export("AWS_ROLE_ARN", role.arn)
    pulumi.export("MLDEPLOY_STATE_AWS", f"s3://{document['bucket']}?region={region}")
    pulumi.export("MLDEPLOY_SECRETS_PROVIDER_AWS", f"awskms://{document['key_alias']}?region={region}")


def _role(document: Document) -> aws.iam.Role:
    """Whole subjects are compared: no branch, no fork, no other repository."""
    issuer = document["issuer"].removeprefix("https://")
    arn: pulumi.Input[str] = f"arn:{document['partition']}:iam::{document['account']}:oidc-provider/{issuer}"
    if not document["has_provider"]:
        # Every repository of the account shares it, so that it stays when this stack goes.
        provider = aws.iam.OpenIdConnectProvider(
            "github",
            url=document["issuer"],
            client_id_lists=[AUDIENCE],
            tags={"tool": "mldeploy"},
            opts=pulumi.ResourceOptions(retain_on_delete=True),
        )
        arn = provider.arn
    return aws.iam.Role(
        "deployer",
        name=document["role"],
        description=document["description"],
        assume_role_policy=pulumi.Output.from_input(arn).apply(lambda known: json.dumps(trusted(known, issuer, document))),
        max_session_duration=SESSION_S,
        tags=document["tags"],
    )


def trusted(provider: str, issuer: str, document: Document) -> dict[str, Any]:
    """The role's trust policy."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{issuer}:aud": AUDIENCE, f"{issuer}:sub": document["subjects"]}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _state(bucket: str, key: str) -> dict[str, Any]:
    """What the engine does with its state."""
    rows = [
        (["s3:ListBucket"], bucket),
        (["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], f"{bucket}/*"),
        (["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"], key),
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource} for actions, resource in rows],
    }


def _bucket(document: Document, key: aws.kms.Key) -> s3.Bucket:
    bucket = s3.Bucket(
        "state", bucket=document["bucket"], tags=document["tags"], opts=pulumi.ResourceOptions(retain_on_delete=True)
    )
    versioning = s3.BucketVersioning("versions", bucket=bucket.id, versioning_configuration={"status": "Enabled"})
    by_key = {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn}
    s3.BucketServerSideEncryptionConfiguration(
        "encryption",
        bucket=bucket.id,
        rules=[{"apply_server_side_encryption_by_default": by_key, "bucket_key_enabled": True}],
    )
    closed = s3.BucketPublicAccessBlock(
        "closed",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
    )
    s3.BucketPolicy(
        "encrypted-only",
        bucket=bucket.id,
        policy=bucket.arn.apply(lambda arn: json.dumps(_encrypted_only(arn))),
        opts=pulumi.ResourceOptions(depends_on=[closed]),
    )
    s3.BucketLifecycleConfiguration(
        "old-versions",
        bucket=bucket.id,
        rules=[
            {
                "id": "old-versions",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "noncurrent_version_expiration": {"noncurrent_days": OLD_VERSIONS_DAYS},
            }
        ],
        opts=pulumi.ResourceOptions(depends_on=[versioning]),
    )
    return bucket


def _encrypted_only(bucket: str) -> dict[str, Any]:
    """Nobody speaks to it in the clear. A denial has to be of everything."""
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket, f"{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
