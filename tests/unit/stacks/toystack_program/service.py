"""What serves, and where."""

from collections.abc import Mapping
from typing import Any

import pulumi

from toystack_program.things import Thing


def service(document: Mapping[str, Any]) -> None:
    name = document["service"]
    role = Thing("Role", "role", {"name": f"{name}-role"})
    function = Thing(
        "Function",
        "function",
        {
            "name": name,
            "image": document["image"],
            "memorySize": document["memory_mb"],
            "release": document["release"],
            "live": document["live"] or document["release"],
            "role": role.url,
            "source": pulumi.FileAsset(document["source"]) if "source" in document else None,
        },
    )
    route = Thing("Route", "route", {"name": f"{name}-route", "to": function.url})
    pulumi.export("url", route.url)
    pulumi.export("visibility", "private")
    pulumi.export("release", document["live"] or document["release"])
