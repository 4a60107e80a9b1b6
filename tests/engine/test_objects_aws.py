"""A picture of the whole path on AWS: an object is put into a bucket, S3 tells Lambda, the real image answers, the answer is an
object. moto stands for S3 and Lambda's API; the container is the pushed image under AWS's own emulator."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from engine_lab.amazon import Amazon
from engine_lab.lab import Lab

BUCKET = "doubler-inbox"
WAIT_S = 60.0


@pytest.fixture
def cloud() -> str:
    """Only this one."""
    return "aws"


@pytest.fixture
def s3(lab: Lab) -> Any:
    """The bucket is there before the deployment, as the spec says."""
    assert isinstance(lab.hands, Amazon)
    client = lab.hands.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": lab.hands.region})
    return client


def _object(s3: Any, key: str) -> bytes:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            return bytes(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        except s3.exceptions.NoSuchKey:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_an_uploaded_object_is_answered_by_an_object(lab: Lab, s3: Any) -> None:
    block = {**lab.clouds_block, "trigger": {"bucket": BUCKET, "prefix": "incoming/"}}
    lab.write_spec(clouds={"aws": block})
    lab.up()
    body = json.dumps({"inputs": [[1.5, 4.0]]})
    s3.put_object(Bucket=BUCKET, Key="incoming/one.json", Body=body, ContentType="application/json")
    assert json.loads(_object(s3, "results/incoming/one.json.json"))["outputs"] == {"y": [[3.0, 8.0]]}
    assert "one.json" in lab.run("logs", "--cloud", "aws").stdout

    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert sorted(keys) == ["incoming/one.json", "results/incoming/one.json.json"]
    lab.on_cloud("destroy", "-y")
    assert lab.hands.everything() == []
    assert "LambdaFunctionConfigurations" not in s3.get_bucket_notification_configuration(Bucket=BUCKET)


def test_another_bucket_replaces_what_cannot_be_changed(lab: Lab, s3: Any) -> None:
    """S3's permission to call the function names its bucket: AWS cannot change it, so that the real provider replaces it."""
    other = f"{BUCKET}-two"
    s3.create_bucket(Bucket=other, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    lab.write_spec(clouds={"aws": {**lab.clouds_block, "trigger": {"bucket": BUCKET, "prefix": "incoming/"}}})
    lab.up()
    lab.write_spec(clouds={"aws": {**lab.clouds_block, "trigger": {"bucket": other, "prefix": "incoming/"}}})
    changes = lab.on_cloud("preview")["preview"]["changes"]
    assert "replace" in {change["action"] for change in changes}
    lab.up()
    s3.put_object(Bucket=other, Key="incoming/two.json", Body=b'{"inputs": [[1, 1]]}', ContentType="application/json")
    deadline = time.monotonic() + WAIT_S
    while "Contents" not in s3.list_objects_v2(Bucket=other, Prefix="results/") and time.monotonic() < deadline:
        time.sleep(0.2)
    body = s3.get_object(Bucket=other, Key="results/incoming/two.json.json")["Body"].read()
    assert json.loads(body)["outputs"] == {"y": [[2.0, 2.0]]}
