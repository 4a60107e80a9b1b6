"""The deployer's policy at AWS: IAM statements from the table, bound to the deployment's own names. Pure.

Asked, … ─table─▶ rows ─names─▶ statements ─▶ one policy document, small enough for a role's inline policies
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mldeploy.errors import SpecError
from mldeploy.iam import table
from mldeploy.iam.contract import Asked, Policy, Wide
from mldeploy.iam.table import Row

FILE = "deployer-policy.json"
ROLE = "mldeploy-deployer"
# All inline policies of a role together, without white space.
# Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, read 2026-11-21.
MAX_CHARS = 10_240


@cache
def rows() -> tuple[Row, ...]:
    """The table."""
    return table.read(Path(__file__).with_name("iam.toml"))


def policy(document: Mapping[str, Any], asked: Iterable[Asked]) -> Policy:
    """See `Permitting.deployer`."""
    if not document["account"]:
        raise SpecError(
            "the policy names what it is for, and the account is not known", "write clouds: {aws: {account: '123456789012'}}"
        )
    found = table.needed(rows(), (each.kind for each in asked))
    values = _values(document)
    statements = merged([statement(row, values) for row in found])
    wide = tuple(
        Wide(row.actions, ", ".join(on.format_map(values) for on in row.on), row.because) for row in found if row.because
    )
    command = f"aws iam put-role-policy --role-name {ROLE} --policy-name deploy --policy-document file://{FILE}"
    return Policy({FILE: {"Version": "2012-10-17", "Statement": statements}}, (command,), wide)


def _values(document: Mapping[str, Any]) -> dict[str, str]:
    place = {key: str(document[key]) for key in ("partition", "region", "account")}
    # Where no trigger is asked for, its row is not either, unless every feature is: then the bucket is left to be filled in.
    bucket = (document["trigger"] or {}).get("bucket", "YOUR-BUCKET")
    return {**document["names"], **place, "bucket": bucket}


def statement(row: Row, values: Mapping[str, str]) -> dict[str, Any]:
    """One statement. A role is passed to one service only."""
    made: dict[str, Any] = {
        "Effect": "Allow",
        "Action": sorted(row.actions),
        "Resource": [on.format_map(values) for on in row.on],
    }
    if "passed_to" in row.more:
        made["Condition"] = {"StringEquals": {"iam:PassedToService": row.more["passed_to"]}}
    return made


def merged(statements: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Statements on the same resources become one: a role's policies have a largest size."""
    found: dict[str, dict[str, Any]] = {}
    for each in statements:
        key = str((each["Resource"], each.get("Condition")))
        known = found.setdefault(key, {**each, "Action": []})
        known["Action"] = sorted({*known["Action"], *each["Action"]})
    return list(found.values())
