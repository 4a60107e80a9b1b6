"""What a cloud gives to the shared stack driver: two Pulumi programs and the few things that only it knows.

    Plan.program ─registry()─▶ registry, secret containers ─login, push, store_secrets─▶ service() ─▶ function, endpoint

The programs live in `providers/<cloud>/program/`, import nothing of mldeploy (`eject` writes them out), take one JSON
document, and export plain outputs. The document of `service` is that of `registry`, with "image" ("repository@sha256:…"),
"release" (first 12 digits of the image's fingerprint) and "live" (the release to keep all traffic on, "" for none) added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mldeploy.progress import Reporter
    from mldeploy.providers.contract import Endpoint

Document = Mapping[str, Any]
Program = Callable[[Document], None]


@dataclass(frozen=True)
class Login:
    """How to push to a registry. An empty username is no login at all (a local registry)."""

    username: str = ""
    password: str = ""


@dataclass(frozen=True)
class Cause:
    """One row of the table of failures: a regular expression over the engine's and the cloud's words, and what they mean.

    `error` is the class in `mldeploy.errors` ("ProviderError", "DeployError", …). `cause` and `fix` may use the pattern's named
    groups ("{role}").
    """

    pattern: str
    cause: str
    fix: str
    error: str = "DeployError"


@dataclass(frozen=True)
class Health:
    """How the cloud says the service is: a `Status.state`, and one line of detail."""

    state: str
    detail: str = ""


class Cloud(Protocol):
    """One cloud as the stack driver sees it. Methods that talk to the cloud raise ProviderError without usable credentials.

    `outputs` are the plain outputs of both stacks in one mapping. `service` exports at least "url", "visibility" and "release"
    (of what serves); `registry` exports at least "repository" (where an image is pushed, without a tag).
    """

    name: str
    title: str
    sdks: Mapping[str, str]
    """Import name of each Pulumi SDK -> the plugin that the engine needs for it ({"pulumi_aws": "aws"})."""
    causes: tuple[Cause, ...]

    def programs(self) -> tuple[Program, Program]:
        """`registry` and `service`. Imports the SDK: raises ImportError where it is not installed."""

    def config(self, document: Document) -> Mapping[str, str]:
        """The engine's configuration, as "aws:region" -> value. No secrets: credentials come from the environment."""

    def verify(self, document: Document) -> None:
        """Credentials are there, valid, and of the account and region that the document wants: a cheap question to the cloud
        before anything is built. Raises ProviderError with what to do."""

    def login(self, document: Document, outputs: Document) -> Login:
        """Short-lived, from the caller's own credentials."""

    def store_secrets(self, document: Document, outputs: Document, values: Mapping[str, str]) -> None:
        """Put the values into the secret store, where one differs; keys are the spec's names. Never through the engine."""

    def read_key(self, document: Document, outputs: Document) -> str:
        """The API key as the store has it, "" when there is none yet."""

    def artifact(self, document: Document, folder: str) -> Document:
        """What the service's document needs when nothing is built as an image: `folder` is the rendered source. Only asked
        where the plan has no image."""

    def endpoint(self, document: Document, outputs: Document, *, is_candidate: bool) -> Endpoint:
        """How to call what serves, or with `is_candidate` the new release that has no traffic yet."""

    def has_candidate(self, document: Document) -> bool:
        """Whether a new release can be asked before it has traffic."""

    def health(self, document: Document, outputs: Document) -> Health:
        """Asked by `status`."""

    def logs(
        self, document: Document, outputs: Document, *, follow: bool, since_s: float | None, tail: int | None
    ) -> Iterator[str]:
        """The runtime's own lines as it wrote them, oldest first."""

    def residue(self, document: Document) -> Iterator[str]:
        """Everything that is still there and carries this deployment's names or tags, in words; asked after destroy."""

    def physical_id(self, kind: str, inputs: Document) -> str | None:
        """The provider's id of a resource of Pulumi type `kind` with these inputs, where it can be told; for the adoption of
        what a killed update left behind."""

    def before_destroy(self, document: Document, outputs: Document, report: Reporter) -> None:
        """What must go before the engine can remove the rest (images that it does not know)."""
