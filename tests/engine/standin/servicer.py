"""STAND-IN provider plugin: Pulumi's provider protocol for a cloud whose own plugin cannot be had here.

Check restores the REST body and compares it with the provider's published types; Diff knows which inputs cannot change; the
rest is asked of the control plane, which keeps what exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from plugin.boundary import crossing
from plugin.serving import RefusedError, answered
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from standin.asking import ask
from standin.clouds import StandInCloud
from standin.differences import differences
from standin.kind import Kind

BodyCheck = Callable[[str, Mapping[str, Any]], Iterable[str]]
"""(token, inputs) -> what is wrong with the REST body that the real plugin would send."""


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """A mapping as the protocol carries it."""
    out = struct_pb2.Struct()
    out.update(dict(values))
    return out


def plain(message: struct_pb2.Struct) -> dict[str, Any]:
    """The opposite of `struct`, with whole numbers as integers."""
    return dict(_whole(json_format.MessageToDict(message)))


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def type_of(urn: str) -> str:
    """urn:pulumi:dev::p::parent$gcp:x/y:Z::name -> gcp:x/y:Z"""
    return urn.split("::")[2].split("$")[-1]


class StandInServicer(provider_pb2_grpc.ResourceProviderServicer):
    """One method a call of the protocol."""

    def __init__(self, cloud: StandInCloud, check_body: BodyCheck) -> None:
        self._cloud = cloud
        self._check_body = check_body

    def _kind(self, urn: str) -> Kind:
        try:
            return self._cloud.kind(type_of(urn))
        except KeyError:
            raise RefusedError(f"the stand-in for {self._cloud.plugin} does not know {type_of(urn)}") from None

    def _ask(self, verb: str, urn: str, **more: Any) -> dict[str, Any]:
        return ask(verb, cloud=self._cloud.plugin, token=type_of(urn), urn=urn, **more)

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "")

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=self._cloud.version)

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
        prefix = f"{self._cloud.plugin}:config:"
        ask("configure", cloud=self._cloud.plugin, config={k.removeprefix(prefix): v for k, v in request.variables.items()})
        return provider_pb2.ConfigureResponse(supportsPreview=True, acceptSecrets=False)

    @answered
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._kind(request.urn)
        news = plain(request.news)
        problems = self._check_body(type_of(request.urn), news)
        failures = [provider_pb2.CheckFailure(property="", reason=problem) for problem in problems]
        return provider_pb2.CheckResponse(inputs=struct(news), failures=failures)

    @answered
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = self._kind(request.urn)
        old = plain(request.old_inputs) or plain(request.olds)
        new = {name: value for name, value in plain(request.news).items() if name not in request.ignoreChanges}
        old = {name: value for name, value in old.items() if name not in request.ignoreChanges and name != "__defaults"}
        found = list(differences(old, {name: value for name, value in new.items() if name != "__defaults"}))
        top = {path.split(".")[0].split("[")[0] for path, _ in found}
        replaces = sorted(top & set(kind.immutable))
        kinds, paths = provider_pb2.DiffResponse, provider_pb2.PropertyDiff
        names = {"add": paths.ADD, "delete": paths.DELETE, "update": paths.UPDATE}
        return kinds(
            changes=kinds.DIFF_SOME if found else kinds.DIFF_NONE,
            diffs=sorted(top),
            replaces=replaces,
            # A name stays the same in a replacement, so that the old one has to go first.
            deleteBeforeReplace=bool(replaces),
            detailedDiff={path: paths(kind=names[how], inputDiff=True) for path, how in found},
            hasDetailedDiff=True,
        )

    @answered
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        inputs = plain(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=struct(self._cloud.shown(inputs)))
        with crossing("create", request.urn):
            made = self._ask("create", request.urn, inputs=inputs)
        return provider_pb2.CreateResponse(id=made["id"], properties=struct(made["outputs"]))

    @answered
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        inputs = plain(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=struct({**plain(request.olds), **self._cloud.shown(inputs)}))
        with crossing("update", request.urn):
            made = self._ask("update", request.urn, id=request.id, inputs=inputs)
        return provider_pb2.UpdateResponse(properties=struct(made["outputs"]))

    @answered
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        with crossing("delete", request.urn):
            self._ask("delete", request.urn, id=request.id)
        return empty_pb2.Empty()

    @answered
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        found = self._ask("read", request.urn, id=request.id)
        if not found:
            return provider_pb2.ReadResponse(id="")
        return provider_pb2.ReadResponse(id=request.id, properties=struct(found["outputs"]), inputs=struct(found["inputs"]))

    @answered
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        answer = ask("invoke", cloud=self._cloud.plugin, token=request.tok, arguments=plain(request.args))
        return provider_pb2.InvokeResponse(**{"return": struct(answer)})


def no_check(token: str, inputs: Mapping[str, Any]) -> Iterable[str]:
    """Where no published type is known for a body."""
    return ()
