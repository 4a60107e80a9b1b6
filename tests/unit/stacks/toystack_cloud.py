"""A toy cloud for the stack driver: its resources are files (see `pulumi-resource-toystack`), its endpoint answers from them.

A stand-in. What is real in these tests is the Pulumi engine, and everything of `mldeploy.stacks`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mldeploy.errors import ProviderError
from mldeploy.progress import Reporter
from mldeploy.providers.contract import Call, Endpoint, Reply
from mldeploy.stacks.cloud import Cause, Document, Health, Login, Program


def folder() -> Path:
    """Where the cloud's resources are."""
    return Path(os.environ["TOYSTACK_CLOUD"])


def names() -> list[str]:
    return sorted(path.stem for path in folder().glob("*.json"))


def resource(name: str) -> dict[str, Any]:
    return dict(json.loads((folder() / f"{name}.json").read_text()))


@dataclass
class ToyCloud:
    """`wrong` are releases (by their memory) that answer wrongly; `calls` is what the driver asked for, in order."""

    name: str = "toystack"
    title: str = "Toy Cloud"
    sdks: Mapping[str, str] = field(default_factory=lambda: {"pulumi": "toystack"})
    causes: tuple[Cause, ...] = (
        Cause(r"AccessDenied: (?P<what>[^\n]+)", "you may not: {what}", "ask for the permission", "ProviderError"),
        Cause(r"409 AlreadyExists: (?P<name>\S+)", "the name {name} is taken", "give the model another name"),
    )
    is_candidate_able: bool = True
    is_signed_in: bool = True
    wrong_memory: set[int] = field(default_factory=set)
    stored: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def programs(self) -> tuple[Program, Program]:
        from toystack_program import registry, service

        return registry, service

    def config(self, document: Document) -> Mapping[str, str]:
        return {"toystack:region": document["region"]}

    def verify(self, document: Document) -> None:
        self.calls.append("verify")
        if not self.is_signed_in:
            raise ProviderError("no credentials for Toy Cloud", "toy login")

    def login(self, document: Document, outputs: Document) -> Login:
        return Login("toy", "short-lived")

    def store_secrets(self, document: Document, outputs: Document, values: Mapping[str, str]) -> None:
        assert outputs["store"].startswith("toy://")
        self.stored.update(values)

    def read_key(self, document: Document, outputs: Document) -> str:
        return self.stored.get("MLDEPLOY_API_KEY", "")

    def artifact(self, document: Document, folder: str) -> Document:
        packed = Path(f"{folder}.packed")
        packed.write_bytes(b"".join(path.read_bytes() for path in sorted(Path(folder).iterdir())))
        return {"image": "built there", "source": str(packed)}

    def endpoint(self, document: Document, outputs: Document, *, is_candidate: bool) -> Endpoint:
        self.calls.append("endpoint of the candidate" if is_candidate else "endpoint")

        def send(request: Call, timeout_s: float) -> Reply:
            function = resource(document["service"])
            is_new = is_candidate or function["live"] == function["release"]
            is_wrong = is_new and function["memorySize"] in self.wrong_memory
            answers = {
                "/v2/health/ready": {},
                f"/v2/models/{document['model']}": {"name": "something else" if is_wrong else document["model"]},
            }
            return Reply(200, {}, json.dumps(answers[request.path]).encode())

        return Endpoint(str(outputs["url"]), send=send)

    def has_candidate(self, document: Document) -> bool:
        return self.is_candidate_able

    def health(self, document: Document, outputs: Document) -> Health:
        if not self.is_signed_in:
            raise ProviderError("no credentials for Toy Cloud", "toy login")
        return Health("serving") if document["service"] in names() else Health("failing", "the function is gone")

    def logs(
        self, document: Document, outputs: Document, *, follow: bool, since_s: float | None, tail: int | None
    ) -> Iterator[str]:
        yield f"line of {document['service']}"

    def residue(self, document: Document) -> Iterator[str]:
        self.calls.append("residue")
        yield from self.left
        yield from (name for name in names() if name.startswith(document["repository"]))

    def physical_id(self, kind: str, inputs: Document) -> str | None:
        return str(inputs["name"]) if kind != "toystack:index:Route" else None

    def before_destroy(self, document: Document, outputs: Document, report: Reporter) -> None:
        self.calls.append("before_destroy")
