"""How a workflow signs in to AWS: the job's token for a role's short-lived credentials. Pure data.

Source of the inputs: action.yml of aws-actions/configure-aws-credentials v6.2.3 (2026-08-18).
"""

from __future__ import annotations

from mldeploy.ci.contract import Action, Login, variable
from mldeploy.providers.aws.sizing import settings_of
from mldeploy.spec.loaded import LoadedSpec

ACTION = Action("aws-actions/configure-aws-credentials", "e6de054238d6b7531b4efff3b6587d9aade6a06c", "v6.2.3")
ROLE = "AWS_ROLE_ARN"


def login(loaded: LoadedSpec) -> Login:
    """`account` in the spec also guards the sign-in."""
    settings = settings_of(loaded)
    inputs = {
        "role-to-assume": variable(ROLE),
        "aws-region": settings.region,
        "role-session-name": "mldeploy-${{ github.run_id }}",
    }
    if settings.account is not None:
        inputs["allowed-account-ids"] = settings.account
    return Login(ACTION, inputs, {ROLE: "ARN of the role that trusts this repository and environment"})
