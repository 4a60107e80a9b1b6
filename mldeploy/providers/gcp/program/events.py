"""Who calls besides people: an object that appeared in a bucket (Eventarc), a point in time (Cloud Scheduler).

Both call as the deployment's own `caller` account, which may invoke this service and nothing else.
"""

from __future__ import annotations

import pulumi
from pulumi_gcp import cloudrunv2, cloudscheduler, eventarc, projects

from mldeploy.providers.gcp.program.accounts import Document, email, member
from mldeploy.providers.gcp.program.function import OBJECT_CREATED
from mldeploy.providers.gcp.program.quiet import BucketIAMMember, get_project_service_account_output
from mldeploy.providers.gcp.program.served import Served


def events(document: Document, served: Served) -> None:
    """Declare the trigger and the schedule, where there are some."""
    if document["trigger"] is None and document["schedule"] is None:
        return
    is_function = document["build"] == "source"
    caller = _invoker(document, "caller", served.service)
    if document["trigger"]:
        granted = [*_bucket_roles(document), _publisher(document)]
        if is_function:
            name = served.service.apply(lambda _: str(document["trigger"]["function"]))
            _invoker(document, "events-caller", name)
        else:
            _trigger(document, served, [*granted, caller])
    if document["schedule"]:
        _schedule(document, served, caller)


def _invoker(document: Document, label: str, service: pulumi.Input[str]) -> cloudrunv2.ServiceIamMember:
    return cloudrunv2.ServiceIamMember(
        f"invoker-{label}",
        name=service,
        location=document["region"],
        project=document["project"],
        role="roles/run.invoker",
        member=member(document, "caller"),
    )


def _trigger(document: Document, served: Served, after: list[pulumi.Resource]) -> None:
    trigger = document["trigger"]
    eventarc.Trigger(
        "trigger",
        name=trigger["name"],
        location=trigger["location"],
        project=document["project"],
        labels=document["labels"],
        matching_criterias=[
            {"attribute": "type", "value": OBJECT_CREATED},
            {"attribute": "bucket", "value": trigger["bucket"]},
        ],
        event_data_content_type="application/json",
        destination={"cloud_run_service": {"service": served.service, "region": document["region"], "path": trigger["path"]}},
        service_account=email(document, "caller"),
        opts=pulumi.ResourceOptions(depends_on=after),
    )


def _bucket_roles(document: Document) -> list[pulumi.Resource]:
    """The runtime reads objects of the one bucket, and writes answers below the one prefix."""
    trigger = document["trigger"]
    below = f"projects/_/buckets/{trigger['results_bucket']}/objects/{trigger['results_prefix']}"
    return [
        BucketIAMMember(
            "objects-reader",
            bucket=trigger["bucket"],
            role="roles/storage.objectViewer",
            member=member(document, "runtime"),
        ),
        BucketIAMMember(
            "results-writer",
            bucket=trigger["results_bucket"],
            role="roles/storage.objectUser",
            member=member(document, "runtime"),
            condition={"title": "only-results", "expression": f'resource.name.startsWith("{below}")'},
        ),
    ]


def _publisher(document: Document) -> projects.IAMMember:
    """Cloud Storage's own agent tells about objects through Pub/Sub. Every trigger of the project shares this grant, so that
    it stays when this deployment goes."""
    agent = get_project_service_account_output(project=document["project"])
    return projects.IAMMember(
        "storage-publisher",
        project=document["project"],
        role="roles/pubsub.publisher",
        member=agent.apply(lambda found: f"serviceAccount:{found.email_address}"),
        opts=pulumi.ResourceOptions(retain_on_delete=True),
    )


def _schedule(document: Document, served: Served, caller: pulumi.Resource) -> None:
    schedule = document["schedule"]
    cloudscheduler.Job(
        "schedule",
        name=schedule["name"],
        region=document["region"],
        project=document["project"],
        description=f"mldeploy: calls {document['name']}",
        schedule=schedule["cron"],
        time_zone=schedule["timezone"],
        attempt_deadline=f"{schedule['deadline_s']}s",
        http_target={
            "uri": served.url.apply(lambda url: f"{url or ''}/predict"),
            "http_method": "POST",
            "headers": {"content-type": "application/json"},
            "body": schedule["body"],
            "oidc_token": {"service_account_email": email(document, "caller"), "audience": served.url},
        },
        opts=pulumi.ResourceOptions(depends_on=[caller]),
    )
