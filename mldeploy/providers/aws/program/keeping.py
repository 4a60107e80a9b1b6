"""Where images and secret values go before anything runs: one ECR repository, and one secret where the spec has some.

The secret is a container only. Its value is put in by the caller through the API, so that no engine, state or log sees it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

UNTAGGED_DAYS = 7


def declare(document: Mapping[str, Any]) -> None:
    """Repository, its lifecycle policy, the secret container; exports "repository" and "secret"."""
    names, tags = document["names"], document["tags"]
    repository = aws.ecr.Repository(
        "repository",
        name=names["repository"],
        image_tag_mutability="IMMUTABLE",
        image_scanning_configuration={"scan_on_push": True},
        force_delete=True,
        tags=tags,
    )
    aws.ecr.LifecyclePolicy("lifecycle", repository=repository.name, policy=json.dumps(lifecycle()))
    pulumi.export("repository", repository.repository_url)
    if document["secrets"]["managed"]:
        secret = aws.secretsmanager.Secret(
            "secrets",
            name=names["secret"],
            description=f"Secrets of the model deployment {names['function']}",
            recovery_window_in_days=0,
            tags=tags,
        )
        pulumi.export("secret", secret.arn)


def lifecycle() -> dict[str, Any]:
    """Only untagged images expire. ECR's rules know when an image was pushed, not whether it serves: a rule that counts tagged
    images would, after enough releases that never served, delete the one that does, or the one to roll back to."""
    return {
        "rules": [
            {
                "rulePriority": 1,
                "description": "what no release has",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": UNTAGGED_DAYS,
                },
                "action": {"type": "expire"},
            }
        ]
    }
