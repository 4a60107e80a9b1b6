"""Ids as Google's provider takes them for an import."""

from __future__ import annotations

import pytest

from mldeploy.providers.gcp.ids import PATHS, physical_id

INPUTS = {
    "project": "shop-1",
    "location": "europe-west1",
    "region": "europe-west1",
    "name": "digits-dev",
    "service": "run.googleapis.com",
    "repositoryId": "digits",
    "repository": "digits",
    "secretId": "s-1",
    "accountId": "digits-run",
    "bucket": "photos",
    "role": "roles/run.invoker",
    "member": "user:a@b.c",
}
EXPECTED = {
    "gcp:projects/service:Service": "shop-1/run.googleapis.com",
    "gcp:projects/iAMMember:IAMMember": "shop-1 roles/run.invoker user:a@b.c",
    "gcp:serviceaccount/account:Account": "projects/shop-1/serviceAccounts/digits-run@shop-1.iam.gserviceaccount.com",
    "gcp:secretmanager/secret:Secret": "projects/shop-1/secrets/s-1",
    "gcp:cloudrunv2/service:Service": "projects/shop-1/locations/europe-west1/services/digits-dev",
    "gcp:cloudscheduler/job:Job": "projects/shop-1/locations/europe-west1/jobs/digits-dev",
    "gcp:storage/bucketIAMMember:BucketIAMMember": "b/photos roles/run.invoker user:a@b.c",
    "gcp:storage/bucketObject:BucketObject": None,
    "aws:s3/bucket:Bucket": None,
}


@pytest.mark.parametrize(("kind", "expected"), EXPECTED.items())
def test_an_id_from_the_inputs(kind: str, expected: str | None) -> None:
    assert physical_id(kind, INPUTS) == expected


@pytest.mark.parametrize("kind", [*PATHS, "gcp:serviceaccount/account:Account"])
def test_what_is_not_known_makes_no_id(kind: str) -> None:
    assert physical_id(kind, {}) is None
    assert physical_id(kind, dict.fromkeys(INPUTS)) is None


def test_a_grant_with_a_condition_carries_its_title() -> None:
    kind = "gcp:storage/bucketIAMMember:BucketIAMMember"
    found = physical_id(kind, {**INPUTS, "condition": {"title": "only-results", "expression": "…"}})
    assert found == "b/photos roles/run.invoker user:a@b.c only-results"
