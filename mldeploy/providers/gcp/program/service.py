"""The stack that serves: what answers, who may call it, what watches it, what calls it by itself."""

from __future__ import annotations

import pulumi
from pulumi_gcp import cloudrunv2

from mldeploy.providers.gcp.program.accounts import Document, email
from mldeploy.providers.gcp.program.events import events
from mldeploy.providers.gcp.program.function import function
from mldeploy.providers.gcp.program.run import run_service
from mldeploy.providers.gcp.program.served import Served
from mldeploy.providers.gcp.program.watch import watch

EVERYBODY = "allUsers"


def service(document: Document) -> None:
    """Declare the service stack."""
    served = run_service(document) if document["build"] == "image" else function(document)
    _callers(document, served)
    watch(document, served)
    events(document, served)
    project, region = document["project"], document["region"]
    pulumi.export("url", served.url)
    pulumi.export("candidate_url", served.candidate_url)
    pulumi.export("visibility", document["visibility"])
    pulumi.export("release", served.release)
    pulumi.export("revision", served.revision)
    pulumi.export("service", served.service)
    pulumi.export("service_account", email(document, "runtime"))
    pulumi.export(
        "console",
        served.service.apply(
            lambda name: f"https://console.cloud.google.com/run/detail/{region}/{name}/metrics?project={project}"
        ),
    )


def _callers(document: Document, served: Served) -> None:
    """private: the members listed and nobody else. key, public: everybody passes Google's check; with `key` the runtime asks
    for the key."""
    members = document["invokers"] if document["access"] == "private" else [EVERYBODY]
    for member in members:
        cloudrunv2.ServiceIamMember(
            f"invoker-{member}",
            name=served.service,
            location=document["region"],
            project=document["project"],
            role="roles/run.invoker",
            member=member,
        )
