"""Azure as the shared stack driver sees it: the two programs, and what only Azure's own services can do or tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mldeploy.errors import ProviderError
from mldeploy.providers.azure import ids
from mldeploy.providers.azure.causes import CAUSES
from mldeploy.providers.azure.client import AzureClient
from mldeploy.providers.azure.references import KEY_NAME
from mldeploy.stacks.cloud import Cause, Document, Health, Login, Program

if TYPE_CHECKING:
    from mldeploy.iam.contract import Asked, Policy
    from mldeploy.iam.trust import Trust
    from mldeploy.progress import Reporter
    from mldeploy.providers.contract import Endpoint


@dataclass
class AzureCloud:
    """`subscription` is what this machine's spec or environment says; a document says it again for its own deployment."""

    subscription: str = ""
    client: AzureClient = field(default_factory=AzureClient, repr=False, compare=False)
    name: str = "azure"
    title: str = "Azure Functions"
    sdks: Mapping[str, str] = field(default_factory=lambda: {"pulumi_azure_native": "azure-native"})
    causes: tuple[Cause, ...] = CAUSES

    def programs(self) -> tuple[Program, Program]:
        from mldeploy.providers.azure.program.registry import registry
        from mldeploy.providers.azure.program.service import service

        return registry, service

    def config(self, document: Document) -> Mapping[str, str]:
        """The engine's provider signs in as we do: the same chain of credentials, unless its own variables are set."""
        import os

        config = {"azure-native:location": str(document["location"])}
        if document["subscription"]:
            config["azure-native:subscriptionId"] = str(document["subscription"])
        if not any(os.environ.get(name) for name in ("ARM_CLIENT_ID", "ARM_USE_OIDC", "ARM_USE_MSI")):
            config["azure-native:useDefaultAzureCredential"] = "true"
        return config

    def verify(self, document: Document) -> None:
        from mldeploy.providers.azure import account

        account.verify(self.client, document)

    def login(self, document: Document, outputs: Document) -> Login:
        from mldeploy.providers.azure.registry_login import login

        return login(str(outputs["login_server"]), self.client.tokens, str(document["tenant"]))

    def store_secrets(self, document: Document, outputs: Document, values: Mapping[str, str]) -> None:
        from mldeploy.providers.azure import vault

        ours = {name: value for name, value in values.items() if name in document["secrets"]}
        if ours:
            vault.store(self.client, str(outputs["vault"]), ours)

    def read_key(self, document: Document, outputs: Document) -> str:
        from mldeploy.providers.azure import vault

        if KEY_NAME not in document["secrets"] or "vault" not in outputs:
            return ""
        return vault.read(self.client, str(outputs["vault"]), KEY_NAME) or ""

    def artifact(self, document: Document, folder: str) -> Document:
        raise ProviderError("Azure Functions builds nothing by itself here; the plan always has an image")

    def endpoint(self, document: Document, outputs: Document, *, is_candidate: bool) -> Endpoint:
        from mldeploy.providers.azure import endpoints

        return endpoints.endpoint(
            self.client, document, outputs, lambda: self.read_key(document, outputs), is_candidate=is_candidate
        )

    def has_candidate(self, document: Document) -> bool:
        """A revision without traffic has an address; a function app has no second one."""
        return bool(document["plan"] != "premium")

    def health(self, document: Document, outputs: Document) -> Health:
        from mldeploy.providers.azure import health

        return health.health(self.client, document, outputs)

    def logs(
        self, document: Document, outputs: Document, *, follow: bool, since_s: float | None, tail: int | None
    ) -> Iterator[str]:
        from mldeploy.providers.azure import logs

        return logs.read(self.client, str(outputs["workspace"]), document, follow=follow, since_s=since_s, tail=tail)

    def residue(self, document: Document) -> Iterator[str]:
        from mldeploy.providers.azure.residue import residue

        return residue(self.client, document)

    def physical_id(self, kind: str, inputs: Document) -> str | None:
        return ids.physical_id(kind, inputs, self.subscription)

    def before_destroy(self, document: Document, outputs: Document, report: Reporter) -> None:
        """The images go with the registry. The vault's name would stay taken for days, so that it is purged here."""
        from mldeploy.providers.azure import vault

        if not all(document["secrets"].values()):
            names = document["names"]
            with report.step("key vault", "purging") as step:
                is_gone = vault.remove(
                    self.client, document["subscription"], names["group"], document["location"], names["vault"]
                )
                step.done(f"{names['vault']} purged" if is_gone else "none")

    def deployer_kinds(self) -> frozenset[str]:
        from mldeploy.providers.azure import iam

        return iam.kinds()

    def deployer(self, document: Document, asked: Iterable[Asked]) -> Policy:
        from mldeploy.providers.azure import iam

        return iam.policy(document, asked)

    def bootstrap(self) -> Program:
        from mldeploy.providers.azure.bootstrap.program import bootstrap

        return bootstrap

    def bootstrap_document(self, document: Document, policy: Policy, trust: Trust) -> dict[str, Any]:
        from mldeploy.providers.azure.bootstrap.document import document as made

        return made(document, policy, trust)
