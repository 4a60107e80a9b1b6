"""The two clouds that are stood in, by the name of their plugin."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from standin import azure_kinds, gcp_kinds
from standin.kind import Inputs, Kind, Scope, guid


@dataclass(frozen=True)
class StandInCloud:
    """`version` is not older than the SDK, or the engine warns. `conflict` is how the provider says that a name is taken."""

    plugin: str
    version: str
    kinds: Mapping[str, Kind]
    conflict: Callable[[Kind, str, str], str]

    def kind(self, token: str) -> Kind:
        """The type of a token, whatever API version it names. Raises KeyError."""
        return self.kinds[re.sub(r"^(azure-native:\w+)/v\w+:", r"\1:", token)]

    def physical_id(self, kind: Kind, scope: Scope, inputs: Inputs, assigned: str) -> str:
        """The id of a resource with these inputs."""
        account = {
            "project": scope.project,
            "location": scope.region,
            "region": scope.region,
            "subscription": scope.subscription,
        }
        known = {**account, **{name: value for name, value in inputs.items() if isinstance(value, str)}, "number": assigned}
        condition = inputs.get("condition")
        title = f" {condition['title']}" if isinstance(condition, Mapping) and "title" in condition else ""
        return kind.path.format_map(known) + title

    def shown(self, inputs: Inputs) -> dict[str, Any]:
        """The inputs as the cloud answers them: Azure makes a mapping of the list of an identity's names."""
        identity = inputs.get("identity")
        if not self.plugin.startswith("azure") or not isinstance(identity, Mapping):
            return dict(inputs)
        named = identity.get("userAssignedIdentities")
        names = [name for name in named or () if isinstance(name, str)]
        found = {name: {"principalId": guid("p", name), "clientId": guid("c", name)} for name in names}
        return {**inputs, "identity": {**identity, "userAssignedIdentities": found}} if named else dict(inputs)

    def outputs(self, kind: Kind, scope: Scope, physical_id: str, inputs: Inputs) -> dict[str, Any]:
        """What the cloud answers besides the inputs."""
        name = (
            {"name": physical_id.rsplit("/", 1)[-1], "type": _arm_type(physical_id)} if self.plugin.startswith("azure") else {}
        )
        return {**kind.defaults, **self.shown(inputs), **name, **kind.outputs(scope, physical_id, inputs)}


def _arm_type(physical_id: str) -> str:
    parts = physical_id.rsplit("/providers/", 1)
    if len(parts) == 1:
        return "Microsoft.Resources/resourceGroups"
    provider, *rest = parts[1].split("/")
    return "/".join([provider, *rest[::2]])


CLOUDS: Mapping[str, StandInCloud] = {
    "gcp": StandInCloud("gcp", "10.2.0", gcp_kinds.KINDS, gcp_kinds.conflict),
    "azure-native": StandInCloud("azure-native", "3.29.0", azure_kinds.KINDS, azure_kinds.conflict),
}
