"""docs/aws.md says what each key becomes: none is left out, and its policy grants no wildcard action."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mldeploy.providers.aws.settings import AwsSettings
from mldeploy.spec.model import ModelSpec, Resources

PAGE = (Path(__file__).parents[3] / "docs" / "aws.md").read_text()


def test_every_key_has_its_row() -> None:
    table = PAGE.partition("## What each key becomes")[2].partition("\n\nSources")[0]
    told = set(re.findall(r"`([a-z_.]+)`", " ".join(row.split("|")[1] for row in table.splitlines() if row.startswith("|"))))
    wanted = {
        *(set(ModelSpec.model_fields) - {"resources", "clouds"}),
        *(f"resources.{name}" for name in Resources.model_fields),
        *(f"clouds.aws.{name}" for name in AwsSettings.model_fields),
    }
    assert told == wanted


def test_the_deployers_policy_names_its_actions() -> None:
    policy = json.loads(PAGE.partition("```json\n")[2].partition("```")[0])
    anywhere = {"sts:GetCallerIdentity", "ecr:GetAuthorizationToken", "tag:GetResources"}
    anywhere |= {"logs:DescribeLogGroups", "cloudwatch:DescribeAlarms"}
    for statement in policy["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        if statement["Resource"] == "*":
            assert set(actions) == anywhere
