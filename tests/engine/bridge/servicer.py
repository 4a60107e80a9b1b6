"""Pulumi's provider protocol, answered by a Terraform provider. The Terraform state travels in the resource's outputs."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from plugin.boundary import crossing
from plugin.serving import RefusedError, answered
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from bridge.names import camel, terraform_type, to_pulumi, to_terraform
from bridge.terraform import Planned, TerraformProvider, pack, unpack
from bridge.values import PRIVATE, STATE, decode, encode, settable

VERSION = "7.51.1"
"""Not older than the SDK, or the engine warns."""
SWITCHES = {
    "skipCredentialsValidation": True,
    "skipMetadataApiCheck": "true",
    "skipRegionValidation": True,
    "s3UsePathStyle": True,
}
"""What an endpoint that is not Amazon's needs."""
UNNAMED = {"aws_lambda_alias"}
"""Types whose `name` the published bridge does not make up."""


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """A mapping as the protocol carries it."""
    out = struct_pb2.Struct()
    out.update(dict(values))
    return out


def plain(message: struct_pb2.Struct) -> dict[str, Any]:
    """The opposite of `struct`."""
    return dict(json_format.MessageToDict(message))


class BridgeServicer(provider_pb2_grpc.ResourceProviderServicer):
    """One method a call of the protocol."""

    def __init__(self, terraform: TerraformProvider) -> None:
        self._terraform = terraform

    def _type(self, urn: str) -> tuple[str, Any]:
        kind = terraform_type(urn.split("::")[2].split("$")[-1], self._terraform.resources)
        return kind, self._terraform.resources[kind]

    @staticmethod
    def _prior(outputs: Mapping[str, Any]) -> tuple[dict[str, Any] | None, bytes]:
        if STATE not in outputs:
            return None, b""
        return unpack(base64.b64decode(outputs[STATE])), base64.b64decode(outputs.get(PRIVATE, ""))

    @staticmethod
    def _outputs(kind: str, block: Any, state: dict[str, Any], private: bytes) -> struct_pb2.Struct:
        kept = {STATE: base64.b64encode(pack(state)).decode(), PRIVATE: base64.b64encode(private).decode()}
        return struct({**to_pulumi(kind, decode(block, state)), **kept})

    def _plan(
        self, kind: str, block: Any, inputs: Mapping[str, Any], prior: dict[str, Any] | None, private: bytes
    ) -> tuple[dict[str, Any], Planned]:
        config = encode(block, to_terraform(kind, inputs))
        proposed = dict(config)
        for attribute in block.attributes:
            if attribute.computed and config[attribute.name] is None and prior:
                proposed[attribute.name] = prior.get(attribute.name)
        return config, self._terraform.plan(kind, prior, proposed, config, private)

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "")

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    @answered
    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        given = {name.removeprefix("aws:config:"): _parsed(value) for name, value in request.variables.items()}
        known = {camel(attribute.name) for attribute in self._terraform.config.attributes}
        config = encode(self._terraform.config, {name: value for name, value in given.items() if name in known} | SWITCHES)
        self._terraform.configure({**config, "region": given.get("region")})
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    @answered
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind, block = self._type(request.urn)
        news = plain(request.news)
        attributes = {attribute.name: attribute for attribute in block.attributes}
        is_named = "name" in attributes and (attributes["name"].required or attributes["name"].optional)
        if is_named and kind not in UNNAMED and not {"name", "namePrefix"} & set(news):
            before = plain(request.olds).get("name") if request.HasField("olds") else None
            tail = hashlib.sha1(request.randomSeed or os.urandom(8)).hexdigest()[:7]
            news["name"] = before or f"{request.urn.split('::')[-1]}-{tail}"
        try:
            config = encode(block, to_terraform(kind, news))
        except KeyError as unknown:
            failure = provider_pb2.CheckFailure(property=str(unknown.args[0]), reason=f"unknown argument of {kind}")
            return provider_pb2.CheckResponse(failures=[failure])
        failures = [
            provider_pb2.CheckFailure(property=camel(attribute), reason=reason)
            for attribute, reason in self._terraform.validate(kind, config)
        ]
        return provider_pb2.CheckResponse(inputs=struct(news), failures=failures)

    @answered
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind, block = self._type(request.urn)
        prior, private = self._prior(plain(request.olds))
        _, planned = self._plan(kind, block, plain(request.news), prior, private)
        changed = sorted(name for name, value in planned.state.items() if value != (prior or {}).get(name))
        replaces = sorted(set(planned.replaces) & set(changed))
        kinds = provider_pb2.DiffResponse
        return kinds(
            changes=kinds.DIFF_SOME if changed else kinds.DIFF_NONE,
            diffs=[camel(name) for name in changed],
            replaces=[camel(name) for name in replaces],
            deleteBeforeReplace=bool(replaces),
        )

    @answered
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind, block = self._type(request.urn)
        config, planned = self._plan(kind, block, plain(request.properties), None, b"")
        if request.preview:
            shown = {name: value for name, value in to_pulumi(kind, decode(block, planned.state)).items() if name != "id"}
            return provider_pb2.CreateResponse(properties=struct(shown))
        with crossing("create", request.urn):
            state, private = self._terraform.apply(kind, None, planned, config)
        if state is None:
            raise RefusedError(f"{kind} was not created")
        return provider_pb2.CreateResponse(id=state["id"], properties=self._outputs(kind, block, state, private))

    @answered
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind, block = self._type(request.urn)
        prior, private = self._prior(plain(request.olds))
        config, planned = self._plan(kind, block, plain(request.news), prior, private)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=struct(to_pulumi(kind, decode(block, planned.state))))
        with crossing("update", request.urn):
            state, private = self._terraform.apply(kind, prior, planned, config)
        return provider_pb2.UpdateResponse(properties=self._outputs(kind, block, state or {}, private))

    @answered
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind, _ = self._type(request.urn)
        prior, private = self._prior(plain(request.properties))
        with crossing("delete", request.urn):
            self._terraform.delete(kind, prior or {}, private)
        return empty_pb2.Empty()

    @answered
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind, block = self._type(request.urn)
        prior, private = self._prior(plain(request.properties))
        if prior is None:
            prior, private = self._terraform.load(kind, request.id)
        state, private = self._terraform.read(kind, prior, private)
        if not state:
            return provider_pb2.ReadResponse(id="")
        inputs = request.inputs
        if not len(inputs.fields):
            allowed = settable(block) - {"id"}
            inputs = struct(to_pulumi(kind, {name: value for name, value in decode(block, state).items() if name in allowed}))
        outputs = self._outputs(kind, block, state, private)
        return provider_pb2.ReadResponse(id=request.id, properties=outputs, inputs=inputs)

    @answered
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = terraform_type(request.tok, self._terraform.data_sources, is_function=True)
        block = self._terraform.data_sources[kind]
        found = self._terraform.look_up(kind, encode(block, plain(request.args)))
        return provider_pb2.InvokeResponse(**{"return": struct(decode(block, found))})


def _parsed(value: str) -> Any:
    """A value of the engine's configuration: structures travel as JSON."""
    try:
        return json.loads(value) if value[:1] in "[{" else value
    except ValueError:
        return value
