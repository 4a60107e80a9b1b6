"""Google Cloud as the shared stack driver sees it: the two programs, and what only Google knows. Imports no SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mldeploy.errors import ProviderError
from mldeploy.progress import Reporter
from mldeploy.providers.contract import Call, Endpoint
from mldeploy.providers.gcp import artifact, found, ids, logs, secrets
from mldeploy.providers.gcp.causes import CAUSES
from mldeploy.providers.gcp.client import Client
from mldeploy.providers.gcp.identity import IdentityToken
from mldeploy.providers.gcp.limits import NAME, TITLE
from mldeploy.providers.gcp.references import KEY_NAME
from mldeploy.stacks.cloud import Document, Health, Login, Program

if TYPE_CHECKING:
    from mldeploy.iam.contract import Asked, Policy
    from mldeploy.iam.trust import Trust

USERNAME = "oauth2accesstoken"
_CONDITIONS = {
    "CONDITION_SUCCEEDED": "serving",
    "CONDITION_PENDING": "starting",
    "CONDITION_RECONCILING": "starting",
    "CONDITION_FAILED": "failing",
}


class GcpCloud:
    """Satisfies `mldeploy.stacks.cloud.Cloud`."""

    def __init__(self) -> None:
        self.name = NAME
        self.title = TITLE
        self.sdks: Mapping[str, str] = {"pulumi_gcp": "gcp"}
        self.causes = CAUSES

    def programs(self) -> tuple[Program, Program]:
        from mldeploy.providers.gcp.program.registry import registry
        from mldeploy.providers.gcp.program.service import service

        return registry, service

    def config(self, document: Document) -> Mapping[str, str]:
        plain = {"gcp:project": document["project"], "gcp:region": document["region"]}
        if document["budget"]:  # the billing API bills its own use to a project, which a person's credentials have not
            plain |= {"gcp:userProjectOverride": "true", "gcp:billingProject": document["project"]}
        return plain

    def verify(self, document: Document) -> None:
        """The project exists, is active and can be seen; the region is one of Cloud Run's, where that can be asked already."""
        project, region = document["project"], document["region"]
        if not project:
            raise ProviderError(
                "clouds.gcp.project is not set", "write clouds: {gcp: {project: YOUR-PROJECT}}   (gcloud projects list)"
            )
        with self._client(document) as client:
            state = client.call("GET", "cloudresourcemanager", f"v1/projects/{project}").get("lifecycleState")
            if state != "ACTIVE":
                raise ProviderError(
                    f"the project {project} is {state or 'unknown'}, not ACTIVE", f"gcloud projects undelete {project}"
                )
            places = client.find("run", f"v1/projects/{project}/locations", pageSize=200)
        known = sorted(str(place["locationId"]) for place in (places or {}).get("locations") or () if "locationId" in place)
        if known and region not in known:
            raise ProviderError(f"Cloud Run is not in the region {region}", f"clouds.gcp.region may be {', '.join(known)}")

    def login(self, document: Document, outputs: Document) -> Login:
        with self._client(document) as client:
            return Login(USERNAME, client.token())

    def store_secrets(self, document: Document, outputs: Document, values: Mapping[str, str]) -> None:
        with self._client(document) as client:
            secrets.store(client, document["project"], document["secrets"], values)

    def read_key(self, document: Document, outputs: Document) -> str:
        secret_id = document["secrets"].get(KEY_NAME)
        if secret_id is None:
            return self._foreign_key(document)
        with self._client(document) as client:
            return secrets.read(client, document["project"], secret_id) or ""

    def _foreign_key(self, document: Document) -> str:
        """The key, where the user keeps it in a secret of their own."""
        ref = document["secret_refs"].get(KEY_NAME)
        if ref is None:
            return ""
        with self._client(document) as client:
            return secrets.read(client, ref["project"], ref["secret"], ref["version"]) or ""

    def artifact(self, document: Document, folder: str) -> Document:
        path, digest = artifact.pack(Path(folder))
        return {"source": str(path), "source_digest": digest}

    def endpoint(self, document: Document, outputs: Document, *, is_candidate: bool) -> Endpoint:
        url, visibility = str(outputs["candidate_url" if is_candidate else "url"]), str(outputs["visibility"])
        if document["access"] == "key":
            key = self.read_key(document, outputs)
            return Endpoint(url, {"x-api-key": key} if key else {}, visibility)
        return Endpoint(url, visibility=visibility, sign=self._signer(document, str(outputs["url"])))

    def _signer(self, document: Document, audience: str) -> Callable[[Call], Mapping[str, str]] | None:
        """The token that each call of a private service needs, asked for when the first one is made."""
        if document["access"] != "private":
            return None
        token = IdentityToken(audience, document["project"])
        return lambda _: {"authorization": f"Bearer {token.get()}"}

    def has_candidate(self, document: Document) -> bool:
        return bool(document["build"] == "image")

    def health(self, document: Document, outputs: Document) -> Health:
        place = f"projects/{document['project']}/locations/{document['region']}/services/{document['name']}"
        with self._client(document) as client:
            service = client.find("run", f"v2/{place}")
        if service is None:
            return Health("absent", "Cloud Run has no such service any more")
        condition: Mapping[str, Any] = service.get("terminalCondition") or {}
        return Health(_CONDITIONS.get(str(condition.get("state")), "starting"), str(condition.get("message", "")))

    def logs(
        self, document: Document, outputs: Document, *, follow: bool, since_s: float | None, tail: int | None
    ) -> Iterator[str]:
        with self._client(document) as client:
            yield from logs.lines(client, document, follow=follow, since_s=since_s, tail=tail)

    def residue(self, document: Document) -> Iterator[str]:
        with self._client(document) as client:
            yield from found.residue(client, document)

    def physical_id(self, kind: str, inputs: Document) -> str | None:
        if found.is_listed(kind):
            with Client.open(str(inputs.get("project", ""))) as client:
                return found.listed_id(client, kind, inputs)
        return ids.physical_id(kind, inputs)

    def before_destroy(self, document: Document, outputs: Document, report: Reporter) -> None:
        """Nothing: a repository goes with its images, the bucket of sources is emptied by the engine."""

    def deployer_kinds(self) -> frozenset[str]:
        from mldeploy.iam import table
        from mldeploy.providers.gcp import iam

        return table.kinds(iam.rows())

    def deployer(self, document: Document, asked: Iterable[Asked]) -> Policy:
        from mldeploy.providers.gcp import iam

        return iam.policy(document, asked)

    def bootstrap(self) -> Program:
        from mldeploy.providers.gcp.bootstrap.program import bootstrap

        return bootstrap

    def bootstrap_document(self, document: Document, policy: Policy, trust: Trust) -> dict[str, Any]:
        from mldeploy.providers.gcp.bootstrap.document import document as made

        return made(document, policy, trust)

    def _client(self, document: Document) -> Client:
        return Client.open(str(document["project"]))
