"""What a cloud cannot change is made anew. gcp, azure: STAND-INS, which know such inputs (aws: test_objects_aws.py)."""

from __future__ import annotations

import pytest
from engine_lab.lab import Lab

CHANGES = {
    "gcp": ({"trigger": {"bucket": "inbox-one", "prefix": "new/"}}, {"trigger": {"bucket": "inbox-two", "prefix": "new/"}}),
    "azure": (
        {"trigger": {"bucket": "inbox", "prefix": "new/", "account": "accountone", "resource_group": "theirs"}},
        {"trigger": {"bucket": "inbox", "prefix": "new/", "account": "accounttwo", "resource_group": "theirs"}},
    ),
}


@pytest.fixture(params=sorted(CHANGES))
def cloud(request: pytest.FixtureRequest) -> str:
    """The stand-ins."""
    return str(request.param)


def test_an_immutable_input_replaces_what_has_it(lab: Lab) -> None:
    before, after = CHANGES[lab.cloud]
    lab.write_spec(clouds={lab.cloud: {**lab.clouds_block, **before}})
    lab.up()
    lab.write_spec(clouds={lab.cloud: {**lab.clouds_block, **after}})
    changes = lab.on_cloud("preview")["preview"]["changes"]
    assert "replace" in {change["action"] for change in changes}
    assert lab.up()["changed"] is True
    assert lab.up()["changed"] is False
    lab.on_cloud("destroy", "-y")
    left = [thing for thing in lab.hands.everything() if "pubsub.publisher" not in thing.physical_id]
    assert left == []
