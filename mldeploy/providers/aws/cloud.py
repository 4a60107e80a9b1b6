"""AWS as the shared stack driver sees it (mldeploy.stacks.cloud.Cloud): thin methods; the parts do the work.

programs · config        program/                 endpoint     calls      health · verify    here
login · store_secrets    ECR, store               logs         logs       physical_id        ids
residue                  residue                  causes       causes
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mldeploy.errors import ProviderError
from mldeploy.providers.aws import calls, ids, logs, residue, store
from mldeploy.providers.aws.causes import CAUSES
from mldeploy.providers.aws.client import Clients, asking, missing_is_fine
from mldeploy.providers.aws.limits import TITLE
from mldeploy.providers.aws.settings import AwsSettings
from mldeploy.providers.aws.sizing import NAME
from mldeploy.stacks.cloud import Cause, Document, Health, Login, Program

if TYPE_CHECKING:
    from mldeploy.iam.contract import Asked, Policy
    from mldeploy.iam.trust import Trust
    from mldeploy.progress import Reporter
    from mldeploy.providers.contract import Endpoint

_STATES = {"Active": "serving", "Inactive": "serving", "Pending": "starting", "Failed": "failing"}


class AwsCloud:
    """AWS Lambda. `endpoint_url` is for tests; AWS_ENDPOINT_URL does the same from outside."""

    name = NAME
    title = TITLE
    sdks: Mapping[str, str] = {"pulumi_aws": "aws"}
    causes: tuple[Cause, ...] = CAUSES

    def __init__(self, endpoint_url: str | None = None) -> None:
        self._endpoint_url = endpoint_url
        # `physical_id` is asked without a document: the region is that of the last one.
        self._clients = Clients(str(AwsSettings.model_fields["region"].default), endpoint_url)

    def _at(self, document: Document) -> Clients:
        if document["region"] != self._clients.region:
            self._clients = Clients(str(document["region"]), self._endpoint_url)
        return self._clients

    def programs(self) -> tuple[Program, Program]:
        import pulumi_aws  # noqa: F401  # raises ImportError here, not in the middle of an update

        from mldeploy.providers.aws import program

        return program.registry, program.service

    def config(self, document: Document) -> Mapping[str, str]:
        self._at(document)
        wanted = {"aws:region": str(document["region"])}
        if document["account"]:
            wanted["aws:allowedAccountIds"] = json.dumps([document["account"]])
        return wanted

    def verify(self, document: Document) -> None:
        clients = self._at(document)
        with asking(f"AWS cannot be used in {document['region']}"):
            account = ids.account(clients)
        if document["account"] and account != document["account"]:
            raise ProviderError(
                f"the credentials are of the account {account}, and clouds.aws.account says {document['account']}",
                "set AWS_PROFILE to one of that account, or change clouds.aws.account",
            )
        if document["trigger"]:
            _check_bucket(clients, document)

    def login(self, document: Document, outputs: Document) -> Login:
        with asking("ECR gives no login"):
            found = self._at(document)("ecr").get_authorization_token()["authorizationData"][0]
        username, _, password = b64decode(found["authorizationToken"]).decode().partition(":")
        return Login(username, password)

    def store_secrets(self, document: Document, outputs: Document, values: Mapping[str, str]) -> None:
        store.write(self._at(document), _secret(document, outputs), document["secrets"]["managed"], values)

    def read_key(self, document: Document, outputs: Document) -> str:
        return store.read_key(self._at(document), document, _secret(document, outputs))

    def artifact(self, document: Document, folder: str) -> Document:
        """Nothing: every plan of this provider has an image."""
        return {}

    def endpoint(self, document: Document, outputs: Document, *, is_candidate: bool) -> Endpoint:
        key = self.read_key(document, outputs) if document["access"] == "key" else ""
        return calls.endpoint(self._at(document), document, outputs, key, is_candidate=is_candidate)

    def has_candidate(self, document: Document) -> bool:
        """Always: a version can be invoked by its number before the alias points to it."""
        return True

    def health(self, document: Document, outputs: Document) -> Health:
        name = document["names"]["function"]
        with asking(f"{name} could not be asked for"), missing_is_fine("ResourceNotFoundException"):
            found = self._at(document)("lambda").get_function_configuration(
                FunctionName=name, Qualifier=str(outputs.get("alias", "live"))
            )
            return _health(found)
        return Health("absent", f"the function {name} or its alias is gone; mldeploy refresh, then mldeploy up")

    def logs(
        self, document: Document, outputs: Document, *, follow: bool, since_s: float | None, tail: int | None
    ) -> Iterator[str]:
        group = document["names"]["log_group"]
        return logs.lines(self._at(document), group, follow=follow, since_s=since_s, tail=tail)

    def residue(self, document: Document) -> Iterator[str]:
        return residue.residue(self._at(document), document)

    def physical_id(self, kind: str, inputs: Document) -> str | None:
        return ids.physical_id(self._clients, kind, inputs)

    def before_destroy(self, document: Document, outputs: Document, report: Reporter) -> None:
        """Nothing: the repository takes its images with it (force_delete)."""

    def deployer_kinds(self) -> frozenset[str]:
        from mldeploy.iam import table
        from mldeploy.providers.aws import iam

        return table.kinds(iam.rows())

    def deployer(self, document: Document, asked: Iterable[Asked]) -> Policy:
        from mldeploy.providers.aws import iam

        return iam.policy(document, asked)

    def bootstrap(self) -> Program:
        from mldeploy.providers.aws.bootstrap.program import bootstrap

        return bootstrap

    def bootstrap_document(self, document: Document, policy: Policy, trust: Trust) -> dict[str, Any]:
        from mldeploy.providers.aws.bootstrap.document import document as made

        return made(document, policy, trust)


def _secret(document: Document, outputs: Document) -> str:
    return str(outputs.get("secret") or document["names"]["secret"])


def _health(found: Mapping[str, Any]) -> Health:
    state = _STATES.get(str(found.get("State", "Active")), "failing")
    update = str(found.get("LastUpdateStatus", "Successful"))
    if state == "serving" and update != "Successful":
        state = "starting" if update == "InProgress" else "failing"
    reasons = [found.get("StateReason"), found.get("LastUpdateStatusReason")]
    said = " · ".join(str(reason) for reason in reasons if reason)
    version = f"version {found.get('Version', '?')}, {found.get('MemorySize', '?')} MB"
    return Health(state, " · ".join(part for part in (version, said) if part))


def _check_bucket(clients: Clients, document: Document) -> None:
    """A bucket's notifications are one document, which the stack owns: those of somebody else would be lost. A bucket that is
    not there is for the engine to say, as `destroy` must go on without it."""
    bucket, own = document["trigger"]["bucket"], document["names"]["function"]
    with asking(f"the bucket {bucket} could not be looked at"), missing_is_fine("NoSuchBucket"):
        found = clients("s3").get_bucket_notification_configuration(Bucket=bucket)
        kinds = ("TopicConfigurations", "QueueConfigurations", "LambdaFunctionConfigurations")
        others = [each for kind in kinds for each in found.get(kind, ()) if each.get("Id") != own]
        if others or "EventBridgeConfiguration" in found:
            named = ", ".join(str(each.get("Id", "unnamed")) for each in others) or "EventBridge"
            raise ProviderError(
                f"the bucket {bucket} has notifications of somebody else ({named}), and S3 keeps one set of them for a bucket",
                "use a bucket of its own for clouds.aws.trigger, or remove the others first",
            )
