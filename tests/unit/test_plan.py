"""A plan is plain data."""

from __future__ import annotations

import json

import pytest

from mldeploy.plan import Plan, PlannedResource, Setting


def test_a_plan_is_json_and_answers_for_its_settings() -> None:
    plan = Plan(
        *("toy", "digits", "dev", "ab" * 32, "private"),
        settings=(Setting("resources.memory_mb", 512, "provider default"),),
        resources=(PlannedResource("process", "digits", "one"),),
        environment={"A": "b"},
        secrets={"K": "env:K"},
    )
    assert plan.setting("resources.memory_mb") == 512
    with pytest.raises(KeyError):
        plan.setting("resources.timeout_s")
    assert json.loads(json.dumps(plan.to_dict()))["settings"][0]["origin"] == "provider default"
