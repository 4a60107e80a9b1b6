"""The rules about what lies around the service: events, names, labels, alarms, functions from source."""

from __future__ import annotations

import json
import re
from pathlib import Path

import gcp_harness as harness
from gcp_over_specs import EVERY, LABELLED, LABELS, OWN_ACCOUNT, everything

# events


def test_a_trigger_calls_as_an_account_that_may_only_call_this(tmp_path: Path) -> None:
    found = everything("events", tmp_path)
    trigger = next(each for each in found if each.token.endswith("Trigger"))
    caller = trigger.inputs["serviceAccount"]
    assert {each.inputs["role"] for each in found if each.inputs.get("member") == f"serviceAccount:{caller}"} == {
        "roles/eventarc.eventReceiver",
        "roles/run.invoker",
    }
    assert trigger.inputs["destination"]["cloudRunService"]["path"] == "/events/objects"


def test_the_trigger_and_the_entry_point_agree(tmp_path: Path) -> None:
    from mldeploy.providers.gcp.entry import events

    plan = harness.planned("events", tmp_path)
    trigger = events.trigger_from(plan.environment, plan.access)
    assert trigger is not None
    assert (trigger.bucket, trigger.prefix, trigger.suffix) == ("photos", "in/", ".jpg")
    assert plan.program["trigger"]["path"] == events.PATH


def test_a_schedule_brings_a_token_for_the_service(tmp_path: Path) -> None:
    _, service = harness.stacks("events", tmp_path)
    target = service.of("job:Job")[0].inputs["httpTarget"]
    assert target["uri"] == "https://digits-dev-abc-ew.a.run.app/predict"
    assert target["oidcToken"]["audience"] == "https://digits-dev-abc-ew.a.run.app"
    assert "authorization" not in target["headers"]


# names and labels


@EVERY
def test_labels_are_on_everything_that_takes_some(name: str, tmp_path: Path) -> None:
    for each in everything(name, tmp_path):
        key = LABELLED.get(each.token.rpartition(":")[2], "labels" if each.token.endswith("cloudrunv2/service:Service") else "")
        if key:
            assert each.inputs[key].items() >= LABELS.items(), each
        if "template" in each.inputs:
            assert each.inputs["template"]["labels"].items() >= LABELS.items()


@EVERY
def test_labels_are_legal(name: str, tmp_path: Path) -> None:
    for key, value in harness.planned(name, tmp_path).program["labels"].items():
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key)
        assert re.fullmatch(r"[a-z0-9_-]{0,63}", value)


def test_a_budget_watches_one_label_of_this_deployment_alone(tmp_path: Path) -> None:
    _, service = harness.stacks("watched", tmp_path)
    inputs = service.of("budget:Budget")[0].inputs
    assert inputs["budgetFilter"]["labels"] == {"deployment": "digits-dev"}
    assert inputs["amount"]["specifiedAmount"] == {"currencyCode": "USD", "units": "12", "nanos": 500_000_000}
    assert [rule["thresholdPercent"] for rule in inputs["thresholdRules"]] == [0.8, 1.0]


def test_alarms_are_of_this_service_and_somebody_is_told(tmp_path: Path) -> None:
    _, service = harness.stacks("watched", tmp_path)
    policies = service.of("alertPolicy:AlertPolicy")
    assert len(policies) == 3
    for policy in policies:
        condition = policy.inputs["conditions"][0]["conditionThreshold"]
        assert 'resource.labels.service_name = "digits-dev"' in condition["filter"]
        assert policy.inputs["notificationChannels"] == ["projects/shop-1/notificationChannels/email-ops@example.com"]
    thresholds = {each.name: each.inputs["conditions"][0]["conditionThreshold"]["thresholdValue"] for each in policies}
    assert thresholds == {"alarm-errors": 4, "alarm-throttles": 1, "alarm-p95": 250}


def test_one_address_for_both_is_one_channel(tmp_path: Path) -> None:
    text = harness.SPECS["watched"].replace("money@", "ops@")
    document = harness.plan(harness.load(text, tmp_path), harness.bundle()).program
    service = harness.run(harness.service, {**document, **harness.IMAGE})
    assert len(service.of("notificationChannel:NotificationChannel")) == 1


@EVERY
def test_both_stacks_say_the_same_every_time(name: str, tmp_path: Path) -> None:
    def once() -> list[str]:
        return sorted(json.dumps([each.token, each.name, harness.plain(each.inputs)]) for each in everything(name, tmp_path))

    assert once() == once()


# from source


def test_a_function_is_built_by_an_account_of_its_own_into_our_repository(tmp_path: Path) -> None:
    _, service = harness.stacks("source", tmp_path)
    build = service.of("function:Function")[0].inputs["buildConfig"]
    project, _, builder = build["serviceAccount"].partition("/serviceAccounts/")
    assert project == "projects/shop-1"
    assert OWN_ACCOUNT.match(f"serviceAccount:{builder}")
    assert "-build-" in builder
    assert build["dockerRepository"] == "projects/shop-1/locations/europe-west1/repositories/digits-dev"
    assert (build["runtime"], build["entryPoint"]) == ("python313", "http")
    assert build["source"]["storageSource"]["object"] == f"{'ab' * 32}.zip"


def test_the_bucket_of_sources_is_nobodys_else(tmp_path: Path) -> None:
    registry, _ = harness.stacks("source", tmp_path)
    inputs = registry.of("bucket:Bucket")[0].inputs
    assert inputs["publicAccessPrevention"] == "enforced"
    assert inputs["uniformBucketLevelAccess"] is True
    assert inputs["forceDestroy"] is True


def test_events_reach_a_function_of_their_own(tmp_path: Path) -> None:
    _, service = harness.stacks("source-events", tmp_path)
    events, http = sorted(service.of("function:Function"), key=lambda each: str(each.inputs["buildConfig"]["entryPoint"]))
    assert "eventTrigger" not in http.inputs
    assert events.inputs["buildConfig"]["entryPoint"] == "cloud_event"
    assert events.inputs["serviceConfig"]["ingressSettings"] == "ALLOW_INTERNAL_ONLY"
    assert events.inputs["eventTrigger"]["eventFilters"] == [{"attribute": "bucket", "value": "photos"}]
