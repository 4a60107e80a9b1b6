"""What Google and its provider say, word for word as documented or seen in public reports, and what a person is told."""

from __future__ import annotations

import re

import pytest

from mldeploy import errors
from mldeploy.providers.gcp.causes import CAUSES

SAID = [
    (
        "google: could not find default credentials. See https://cloud.google.com/docs/authentication/external/set-up-adc",
        "no Google Cloud credentials",
        "gcloud auth application-default login",
        "ProviderError",
    ),
    (
        "Attempted to load application default credentials since neither `credentials` nor `access_token` was set in the "
        "provider block.  No credentials loaded.",
        "no Google Cloud credentials",
        "gcloud auth application-default login",
        "ProviderError",
    ),
    (
        'oauth2: "invalid_grant" "reauth related error (invalid_rapt)" "https://support.google.com/a/answer/9368756"',
        "sign in again",
        "gcloud auth application-default login",
        "ProviderError",
    ),
    ('oauth2: "invalid_grant" "Token has been expired or revoked."', "expired or were revoked", "gcloud auth", "ProviderError"),
    ("Error 401: Request had invalid authentication credentials., UNAUTHENTICATED", "expired", "gcloud auth", "ProviderError"),
    (
        "Error 403: Cloud Run Admin API has not been used in project 123456 before or it is disabled. Enable it by visiting "
        "https://console.developers.google.com/apis/api/run.googleapis.com/overview?project=123456 then retry.",
        "the API run.googleapis.com is not enabled in the project 123456",
        "gcloud services enable run.googleapis.com --project 123456",
        "ProviderError",
    ),
    (
        "Error creating Service: googleapi: Error 403: Permission 'run.services.create' denied on resource "
        "'projects/shop-1/locations/europe-west1/services/digits' (or it may not exist).",
        "you lack the permission run.services.create on projects/shop-1/locations/europe-west1/services/digits",
        "docs/gcp.md",
        "ProviderError",
    ),
    (
        "googleapi: Error 403: ann@example.com does not have storage.buckets.get access to the Google Cloud Storage bucket.",
        "you lack the permission storage.buckets.get",
        "docs/gcp.md",
        "ProviderError",
    ),
    (
        "Error 403: This API method requires billing to be enabled. Please enable billing on project #shop-1",
        "no working billing account",
        "gcloud billing projects link",
        "ProviderError",
    ),
    (
        "Error 400: One or more users named in the policy do not belong to a permitted customer, perhaps due to an "
        "organization policy.",
        "does not allow a service that everybody may call",
        "access: private",
        "ProviderError",
    ),
    (
        "Error 412: Request violates constraint 'constraints/gcp.resourceLocations' on the resource",
        "a policy of the organisation forbids this: constraints/gcp.resourceLocations",
        "clouds.gcp.region",
        "ProviderError",
    ),
    (
        "Revision 'digits-dev-4c1f02aabbcc' is not ready and cannot serve traffic. The user-provided container failed to start "
        "and listen on the port defined provided by the PORT=8080 environment variable within the allocated timeout.",
        "did not become ready: too little memory",
        "raise resources.memory_mb",
        "DeployError",
    ),
    (
        "Memory limit of 512 MiB exceeded with 530 MiB used. Consider increasing the memory limit",
        "more than its 512 MiB of memory",
        "raise resources.memory_mb",
        "DeployError",
    ),
    (
        "Image 'europe-west1-docker.pkg.dev/shop-1/digits/digits@sha256:00' not found.",
        "not in the registry: europe-west1-docker.pkg.dev/shop-1/digits/digits@sha256:00",
        "builds and pushes",
        "DeployError",
    ),
    (
        "Error 429: Quota exceeded for total allowable CPU per project per region.",
        "a quota of the project is used up: CPU per project per region",
        "iam-admin/quotas",
        "DeployError",
    ),
    (
        "Error creating Repository: googleapi: Error 409: Resource "
        "'projects/shop-1/locations/europe-west1/repositories/digits' already exists.",
        "already there, and mldeploy did not make it: projects/shop-1/locations/europe-west1/repositories/digits",
        "another name",
        "DeployError",
    ),
    (
        'Error 400: Invalid resource state for "": Permission denied while using the Eventarc Service Agent. If you recently '
        "started to use Eventarc, it may take a few minutes before all necessary permissions are propagated",
        "setting Eventarc up",
        "wait a few minutes",
        "DeployError",
    ),
    (
        "Error 400: Service account digits-dev-run@shop-1.iam.gserviceaccount.com does not exist.",
        "does not know the new service account everywhere yet: digits-dev-run@shop-1.iam.gserviceaccount.com",
        "run the same command again",
        "DeployError",
    ),
    (
        "API [eventarc.googleapis.com] not enabled on project [shop-1].",
        "API eventarc.googleapis.com",
        "gcloud",
        "ProviderError",
    ),
    ("Error 403: nothing more, accessNotConfigured", "an API that is needed", "gcloud services enable", "ProviderError"),
    ("Request is prohibited: it violates an organization policy", "a policy of the organisation", "policy", "ProviderError"),
    (
        "Required 'compute.regions.get' missing: the caller lacks compute.regions.get on projects/shop-1/regions/x",
        "you lack the permission compute.regions.get on projects/shop-1/regions/x",
        "docs/gcp.md",
        "ProviderError",
    ),
    ("Failed to fetch image", "not in the registry", "builds and pushes", "DeployError"),
    ("Error 429: RESOURCE_EXHAUSTED", "a quota of the project", "iam-admin/quotas", "DeployError"),
    (
        "Revision named 'digits-dev-1' with different configuration already exists.",
        "a revision digits-dev-1 with other settings",
        "gcloud run revisions delete digits-dev-1",
        "DeployError",
    ),
    ("googleapi: Error 409: bucket name is not available", "something of that name", "another name", "DeployError"),
    ("The currency must match the billing account's", "not kept in USD", "leave clouds.gcp.budget out", "DeployError"),
    ("IAM Conditions need uniform bucket-level access", "has no uniform", "gcloud storage buckets update", "DeployError"),
    ("googleapi: Error 403: The caller does not have it, forbidden", "you lack a permission", "docs/gcp.md", "ProviderError"),
]


@pytest.mark.parametrize(("said", "cause", "fix", "kind"), SAID)
def test_it_is_told_as_cause_and_fix(said: str, cause: str, fix: str, kind: str) -> None:
    row, found = next((row, found) for row in CAUSES if (found := re.search(row.pattern, said, re.IGNORECASE)))
    groups = found.groupdict()
    assert all(groups.values()), "a group that stays empty leaves a hole in the sentence"
    assert cause in row.cause.format_map(groups)
    assert fix in row.fix.format_map(groups)
    assert row.error == kind


def test_every_row_names_an_error_and_only_groups_that_it_has() -> None:
    for row in CAUSES:
        assert issubclass(getattr(errors, row.error), errors.MldeployError)
        groups = dict.fromkeys(re.compile(row.pattern).groupindex, "x")
        assert row.cause.format_map(groups)
        assert row.fix.format_map(groups)


def test_what_nobody_knows_is_left_to_the_engines_own_words() -> None:
    assert not any(re.search(row.pattern, "the teapot is short and stout", re.IGNORECASE) for row in CAUSES)
