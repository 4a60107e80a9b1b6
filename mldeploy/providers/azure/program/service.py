"""Program `service`: what answers, and what watches it."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import managedidentity

from mldeploy.providers.azure.program import container_app, hosting, premium, watching
from mldeploy.providers.azure.program.arm import Document, common, grant


def service(document: Document) -> None:
    """Exports "url", "visibility", "release" (of what serves) and where logs are."""
    runtime = managedidentity.UserAssignedIdentity("runtime", resource_name_=document["names"]["runtime"], **common(document))
    logs = watching.logs(document)
    grant("publish-metrics", document, "Monitoring Metrics Publisher", logs.insights.id, runtime.principal_id)
    storage = hosting.storage(document, runtime)
    ground = hosting.Ground(runtime, logs, storage)
    served = premium.serve(document, ground) if document["plan"] == "premium" else container_app.serve(document, ground)
    watching.alerts(document, served.resource, logs)
    if document["budget"]:
        watching.budget(document)
    for name, value in served.outputs.items():
        pulumi.export(name, value)
    pulumi.export("workspace", logs.workspace.customer_id)
