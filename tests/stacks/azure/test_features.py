"""What a spec asks for besides serving: scale, alerts, budget, trigger, schedule, cleaning up."""

from __future__ import annotations

import re

import azure_programs as ap
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


def test_a_blob_trigger_is_polled_on_container_apps_and_told_by_event_grid_on_premium() -> None:
    polled, told = run("everything"), run("premium-key")
    (container,) = polled.service.one("app:ContainerApp")["template"]["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert environment["MLDEPLOY_TRIGGER_SOURCE"] == "LogsAndContainerScan"
    assert environment["TriggerStorage__blobServiceUri"] == "https://pictures.blob.core.windows.net"
    assert polled.of("eventgrid:SystemTopic") == []
    settings = {each["name"]: each["value"] for each in told.service.one("web:WebApp")["siteConfig"]["appSettings"]}
    assert settings["MLDEPLOY_TRIGGER_SOURCE"] == "EventGrid"
    assert settings["MLDEPLOY_RESULTS_BUCKET"] == "answers"
    (subscription,) = told.of("eventgrid:SystemTopicEventSubscription")
    assert subscription.inputs["filter"]["subjectBeginsWith"] == "/blobServices/default/containers/photos/blobs/"


def test_a_schedule_is_the_apps_timer() -> None:
    (container,) = run("everything").service.one("app:ContainerApp")["template"]["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert environment["MLDEPLOY_SCHEDULE"] == "0 0 6 * * 1-5"
    assert environment["MLDEPLOY_SCHEDULE_BODY"] == '{"inputs": [[1.0, 2.0]]}'
    assert run("everything").document["min_instances"] == 1


def test_old_images_are_only_deleted_where_that_is_asked_for() -> None:
    assert run("plain").of("containerregistry:Task") == []
    assert len(run("everything").of("containerregistry:Task")) == 1
