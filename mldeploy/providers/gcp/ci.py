"""How a workflow signs in to Google Cloud: the job's token, by workload identity federation. Pure data.

Source of the inputs: action.yml of google-github-actions/auth v3.0.0 (2025-09-03).
"""

from __future__ import annotations

from mldeploy.ci.contract import Action, Login, variable
from mldeploy.providers.gcp.rules import settings_of
from mldeploy.spec.loaded import LoadedSpec

ACTION = Action("google-github-actions/auth", "7c6bc770dae815cd3e89ee6cdf493a5fab2cc093", "v3.0.0")
PROVIDER, ACCOUNT = "GCP_WORKLOAD_IDENTITY_PROVIDER", "GCP_SERVICE_ACCOUNT"


def login(loaded: LoadedSpec) -> Login:
    """The credentials' file is written by the action and removed after the job."""
    settings = settings_of(loaded)
    inputs = {"workload_identity_provider": variable(PROVIDER), "service_account": variable(ACCOUNT)}
    if settings.project is not None:
        inputs["project_id"] = settings.project
    variables = {
        PROVIDER: "projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER",
        ACCOUNT: "e-mail of the service account that deploys",
    }
    return Login(ACTION, inputs, variables)
