"""The process of a Terraform provider, and the calls of its protocol that the bridge needs. Values are plain Python ones."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from dataclasses import dataclass
from typing import Any

import grpc
import msgpack
from plugin.serving import RefusedError

messages: Any = grpc.protos("bridge/tfplugin5.proto")

# The handshake of Terraform's plugins: without this cookie the binary prints a notice and ends.
COOKIE = {
    "TF_PLUGIN_MAGIC_COOKIE": "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
    "PLUGIN_PROTOCOL_VERSIONS": "5",
}
UNKNOWN = msgpack.ExtType(0, b"\x00")
"""How Terraform writes "known after apply"."""
ERROR = 1
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Planned:
    """What the provider would make of a configuration. `raw` and `private` go back to it unread."""

    state: dict[str, Any]
    replaces: tuple[str, ...]
    raw: Any
    private: bytes


def pack(value: Any) -> bytes:
    """A value as Terraform sends it."""
    return bytes(msgpack.packb(value))


def unpack(data: bytes) -> Any:
    """The opposite of `pack`; None for nothing."""
    return msgpack.unpackb(data, ext_hook=lambda code, content: UNKNOWN, strict_map_key=False) if data else None


def dynamic(value: Any) -> Any:
    """`value` as the protocol's DynamicValue."""
    return messages.DynamicValue(msgpack=pack(value))


def checked(reply: Any) -> Any:
    """`reply`, unless its diagnostics have an error."""
    errors = [f"{found.summary}: {found.detail}".removesuffix(": ") for found in reply.diagnostics if found.severity == ERROR]
    if errors:
        raise RefusedError("; ".join(errors))
    return reply


def attribute_of(path: Any) -> str:
    """The first attribute that a path of the protocol names."""
    return next((step.attribute_name for step in path.steps if step.attribute_name), "")


class TerraformProvider:
    """One running provider. It dies with this process."""

    def __init__(self, binary: str) -> None:
        libc = ctypes.CDLL(None)
        log = os.open(os.environ.get("TF_PROVIDER_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._process = subprocess.Popen(
            [binary],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **COOKIE},
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
        )
        assert self._process.stdout is not None
        address = self._process.stdout.readline().decode().strip().split("|")[3]
        self._channel = grpc.insecure_channel(f"unix:{address}", options=[("grpc.max_receive_message_length", 512 << 20)])
        schema = self._call("GetSchema", messages.SchemaRequest(), messages.SchemaResponse)
        self.config = schema.provider.block
        self.resources: dict[str, Any] = {kind: found.block for kind, found in schema.resource_schemas.items()}
        self.data_sources: dict[str, Any] = {kind: found.block for kind, found in schema.data_source_schemas.items()}

    def close(self) -> None:
        """End the provider."""
        self._process.kill()

    def _call(self, method: str, request: Any, response: Any) -> Any:
        call = self._channel.unary_unary(f"/tfplugin5.Provider/{method}", type(request).SerializeToString, response.FromString)
        return call(request)

    def configure(self, config: dict[str, Any]) -> None:
        """Region, credentials and switches."""
        checked(
            self._call(
                "Configure",
                messages.ConfigureRequest(terraform_version="1.11.4", config=dynamic(config)),
                messages.Diagnostics,
            )
        )

    def validate(self, kind: str, config: dict[str, Any]) -> list[tuple[str, str]]:
        """(attribute, reason) of everything that the provider's own validation refuses."""
        request = messages.ValidateRequest(type_name=kind, config=dynamic(config))
        reply = self._call("ValidateResourceTypeConfig", request, messages.Diagnostics)
        return [
            (attribute_of(found.attribute), f"{found.summary} {found.detail}".strip())
            for found in reply.diagnostics
            if found.severity == ERROR
        ]

    def plan(
        self, kind: str, prior: dict[str, Any] | None, proposed: dict[str, Any], config: dict[str, Any], private: bytes
    ) -> Planned:
        """What applying `config` would bring."""
        request = messages.PlanRequest(
            type_name=kind,
            prior_state=dynamic(prior),
            proposed_new_state=dynamic(proposed),
            config=dynamic(config),
            prior_private=private,
        )
        reply = checked(self._call("PlanResourceChange", request, messages.PlanResponse))
        replaces = tuple(attribute_of(path) for path in reply.requires_replace)
        return Planned(unpack(reply.planned_state.msgpack), replaces, reply.planned_state, reply.planned_private)

    def apply(
        self, kind: str, prior: dict[str, Any] | None, planned: Planned, config: dict[str, Any] | None
    ) -> tuple[dict[str, Any] | None, bytes]:
        """The new state (None: deleted) and what the provider keeps for itself."""
        request = messages.ApplyRequest(
            type_name=kind,
            prior_state=dynamic(prior),
            planned_state=planned.raw,
            config=dynamic(config),
            planned_private=planned.private,
        )
        reply = checked(self._call("ApplyResourceChange", request, messages.ApplyResponse))
        return unpack(reply.new_state.msgpack), reply.private

    def delete(self, kind: str, prior: dict[str, Any], private: bytes) -> None:
        """Remove it."""
        self.apply(kind, prior, Planned({}, (), dynamic(None), private), None)

    def load(self, kind: str, physical_id: str) -> tuple[dict[str, Any], bytes]:
        """What the provider knows of a resource of which only the id is known (an import)."""
        request = messages.ImportRequest(type_name=kind, id=physical_id)
        reply = checked(self._call("ImportResourceState", request, messages.ImportResponse))
        found = reply.imported_resources[0]
        return unpack(found.state.msgpack), found.private

    def read(self, kind: str, state: dict[str, Any], private: bytes) -> tuple[dict[str, Any] | None, bytes]:
        """The state as the cloud has it now; None when it is gone."""
        request = messages.ReadRequest(type_name=kind, current_state=dynamic(state), private=private)
        reply = checked(self._call("ReadResource", request, messages.ReadResponse))
        return unpack(reply.new_state.msgpack), reply.private

    def look_up(self, kind: str, config: dict[str, Any]) -> dict[str, Any]:
        """A data source."""
        request = messages.ReadDataRequest(type_name=kind, config=dynamic(config))
        reply = checked(self._call("ReadDataSource", request, messages.ReadDataResponse))
        found: dict[str, Any] = unpack(reply.state.msgpack)
        return found
