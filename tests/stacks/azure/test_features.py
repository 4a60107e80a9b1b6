"""What a spec asks for besides serving: scale, alerts, budget, trigger, schedule, cleaning up."""

from __future__ import annotations

import re

import azure_programs as ap
import pytest
from azure_runs import run

from mldeploy.providers.azure.program.service import service


def test_scale_follows_the_spec() -> None:
    scale = run("public").service.one("app:ContainerApp")["template"]["scale"]
    assert (scale["minReplicas"], scale["maxReplicas"]) == (1, 30)
    assert scale["rules"] == [{"name": "http", "http": {"metadata": {"concurrentRequests": "4"}}}]


def test_alerts_are_told_to_whom_the_spec_names() -> None:
    done = run("everything")
    (group,) = done.of("monitor:ActionGroup")
    assert group.inputs["emailReceivers"][0]["emailAddress"] == "ada@example.org"
    alerts = {each.name: each.inputs for each in done.of("monitor:MetricAlert")}
    assert {name: alert["criteria"]["allOf"][0]["threshold"] for name, alert in alerts.items()} == {"errors": 3, "throttles": 2}
    assert all(len(alert["actions"]) == 1 for alert in alerts.values())
    (latency,) = done.of("monitor:ScheduledQueryRule")
    assert "percentile(DurationMs, 95)" in latency.inputs["criteria"]["allOf"][0]["query"]
    assert latency.inputs["criteria"]["allOf"][0]["threshold"] == 250


def test_there_is_an_alert_on_errors_unless_it_is_declined() -> None:
    assert [each.name for each in run("plain").of("monitor:MetricAlert")] == ["errors"]
    assert run("premium-internal").of("monitor:MetricAlert") == []


def test_a_budget_begins_this_month_and_then_stays() -> None:
    budget = run("everything").service.one("consumption:Budget")
    assert budget["timePeriod"] == {"startDate": "2026-11-01T00:00:00Z"}
    assert sorted(each["threshold"] for each in budget["notifications"].values()) == [80, 100]
    document = {key: value for key, value in ap.service_document(run("everything").document).items() if key != "month"}
    started = ap.run(service, document).one("consumption:Budget")["timePeriod"]["startDate"]
    assert re.fullmatch(r"\d{4}-\d{2}-01T00:00:00Z", started)


@pytest.mark.parametrize(("name", "results"), [("everything", "photos"), ("premium-key", "answers")])
def test_new_blobs_reach_the_app_through_a_queue_of_its_own(name: str, results: str) -> None:
    done = run(name)
    (events,) = done.of("eventgrid:SystemTopicEventSubscription")
    storage, queue = done.service.one("storage:StorageAccount"), done.service.one("storage:Queue")
    destination = events.inputs["deliveryWithResourceIdentity"]["destination"]
    assert (destination["endpointType"], destination["queueName"]) == ("StorageQueue", queue["queueName"])
    assert destination["resourceId"].endswith(storage["accountName"])
    assert events.inputs["filter"]["subjectBeginsWith"].startswith("/blobServices/default/containers/photos/blobs/")
    scopes = {each.name: each.inputs["scope"].rpartition("/")[2] for each in done.of("authorization:RoleAssignment")}
    assert (scopes["read-blobs"], scopes["write-answers"]) == ("photos", results)


def test_a_message_wakes_an_app_that_is_scaled_to_zero() -> None:
    rules = run("everything").service.one("app:ContainerApp")["template"]["scale"]["rules"]
    assert [rule["name"] for rule in rules] == ["http", "objects"]
    assert rules[1]["azureQueue"]["identity"].endswith(run("everything").document["names"]["runtime"])
    assert "auth" not in rules[1]["azureQueue"]


def test_a_schedule_is_the_apps_timer() -> None:
    (container,) = run("everything").service.one("app:ContainerApp")["template"]["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert environment["MLDEPLOY_SCHEDULE"] == "0 0 6 * * 1-5"
    assert environment["MLDEPLOY_SCHEDULE_BODY"] == '{"inputs": [[1.0, 2.0]]}'
    assert run("everything").document["min_instances"] == 1


def test_old_images_are_only_deleted_where_that_is_asked_for() -> None:
    assert run("plain").of("containerregistry:Task") == []
    assert len(run("everything").of("containerregistry:Task")) == 1
