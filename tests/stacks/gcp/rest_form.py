"""Pulumi's inputs turned back into the REST body that Google's API gets, and checked against Google's own discovery documents.

    ("gcp:cloudrunv2/service:Service", inputs) ─rest_form─▶ Rest("run.v2", "GoogleCloudRunV2Service", body) ─problems─▶ …

The documents ship, dated, in google-api-python-client. Pulumi's names differ: lists are plural where Terraform's blocks repeat
(`envs`), some are flattened, and what is part of the URL is an input, too. What is left unknown is reported, not dropped.
"""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

Inputs = Mapping[str, Any]
Body = dict[str, Any]


class Rest(NamedTuple):
    """One request body: the API's document ("run.v2"), the schema in it, the body."""

    api: str
    schema: str
    body: Body


class Form(NamedTuple):
    """How one type is restored: `path` are the inputs that go into the URL or stay with the engine."""

    api: str
    schema: str
    path: tuple[str, ...] = ("project", "location")
    restore: Callable[[Body], Body] = lambda body: body


@cache
def schemas(api: str) -> dict[str, Any]:
    """The schemas of an API's discovery document."""
    place = importlib.resources.files("googleapiclient").joinpath(f"discovery_cache/documents/{api}.json")
    return json.loads(place.read_text())["schemas"]  # type: ignore[no-any-return]


def rest_form(token: str, inputs: Inputs) -> Rest:
    """The body of the create request. Raises KeyError for a type that is not listed here."""
    form = FORMS[token]
    kept = {name: value for name, value in inputs.items() if name not in form.path and value is not None}
    return Rest(form.api, form.schema, form.restore(json.loads(json.dumps(kept, default=_plain))))


def problems(token: str, inputs: Inputs) -> list[str]:
    """Everything in which the body is not as Google publishes it."""
    rest = rest_form(token, inputs)
    known = schemas(rest.api)
    return [*_problems(known, known[rest.schema], rest.body, rest.schema)]


def _plain(value: Any) -> Any:
    return str(value)


def _problems(known: Mapping[str, Any], schema: Mapping[str, Any], body: Any, where: str) -> Iterator[str]:
    schema = known[schema["$ref"]] if "$ref" in schema else schema
    kind = schema.get("type")
    if kind == "object" and isinstance(body, dict):
        yield from _fields(known, schema, body, where)
    elif kind == "array" and isinstance(body, list):
        for index, item in enumerate(body):
            yield from _problems(known, schema["items"], item, f"{where}[{index}]")
    elif "enum" in schema and body not in schema["enum"]:
        yield f"{where}: {body!r} is not one of {schema['enum']}"
    elif not _is_of(kind, body):
        yield f"{where}: {body!r} is no {kind}"


def _fields(known: Mapping[str, Any], schema: Mapping[str, Any], body: Body, where: str) -> Iterator[str]:
    named = schema.get("properties", {})
    for key, value in body.items():
        inner = named.get(key) or schema.get("additionalProperties")
        if inner is None:
            yield f"{where}.{key}: no such field"
        elif inner.get("readOnly"):
            yield f"{where}.{key}: output only"
        else:
            yield from _problems(known, inner, value, f"{where}.{key}")


def _is_of(kind: str | None, value: Any) -> bool:
    if kind in ("integer", "number"):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and (kind == "number" or float(value).is_integer())
    return {"string": isinstance(value, str), "boolean": isinstance(value, bool), "any": True}.get(kind or "", False)


def _service(body: Body) -> Body:
    """Cloud Run: repeated blocks are plural, the one port is a list."""
    body = _renamed(body, {"traffics": "traffic"})
    template = body["template"]
    template["containers"] = [_container(container) for container in template["containers"]]
    return body


def _container(container: Body) -> Body:
    container = _renamed(container, {"envs": "env", "commands": "command"})
    return {**container, "ports": [container["ports"]]} if "ports" in container else container


def _renamed(body: Body, names: Mapping[str, str]) -> Body:
    """`names` maps Pulumi's to Google's. Google's own name is unknown to Pulumi, so it stays wrong under another name."""
    wrong = {rest: f"{rest} (Pulumi calls it {ours})" for ours, rest in names.items()}
    return {names.get(key, wrong.get(key, key)): value for key, value in body.items()}


def _repository(body: Body) -> Body:
    policies = body.pop("cleanupPolicies", [])
    return {**body, "cleanupPolicies": {policy["id"]: policy for policy in policies}}


def _account(body: Body) -> Body:
    return {"accountId": body.pop("accountId"), "serviceAccount": body}


def _binding(body: Body) -> Body:
    """A member is added to the policy that is there."""
    return {"policy": _policy(body)}


def _policy(body: Body) -> Body:
    binding = {"role": body.pop("role"), "members": [body.pop("member")]}
    if "condition" in body:
        binding["condition"] = body.pop("condition")
    return {"bindings": [binding], **body}


def _bucket(body: Body) -> Body:
    body["iamConfiguration"] = {
        "uniformBucketLevelAccess": {"enabled": body.pop("uniformBucketLevelAccess")},
        "publicAccessPrevention": body.pop("publicAccessPrevention"),
    }
    return body


def _trigger(body: Body) -> Body:
    body = _renamed(body, {"matchingCriterias": "eventFilters"})
    return {**body, "destination": _renamed(body["destination"], {"cloudRunService": "cloudRun"})}


def _budget(body: Body) -> Body:
    body = _renamed(body, {"allUpdatesRule": "notificationsRule"})
    labels = {name: [value] for name, value in body["budgetFilter"].get("labels", {}).items()}
    return {**body, "budgetFilter": {**body["budgetFilter"], "labels": labels}}


def _nothing(body: Body) -> Body:
    return {**body}


_NAMED = ("project", "location", "name")
FORMS: Mapping[str, Form] = {
    "gcp:projects/service:Service": Form(
        "serviceusage.v1", "EnableServiceRequest", ("project", "service", "disableOnDestroy"), _nothing
    ),
    "gcp:projects/iAMMember:IAMMember": Form("cloudresourcemanager.v1", "SetIamPolicyRequest", ("project",), _binding),
    "gcp:artifactregistry/repository:Repository": Form(
        "artifactregistry.v1", "Repository", ("project", "location", "repositoryId"), _repository
    ),
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": Form(
        "artifactregistry.v1", "SetIamPolicyRequest", ("project", "location", "repository"), _binding
    ),
    "gcp:serviceaccount/account:Account": Form("iam.v1", "CreateServiceAccountRequest", ("project",), _account),
    "gcp:secretmanager/secret:Secret": Form("secretmanager.v1", "Secret", ("project", "secretId", "deletionProtection")),
    "gcp:secretmanager/secretIamMember:SecretIamMember": Form(
        "secretmanager.v1", "SetIamPolicyRequest", ("project", "secretId"), _binding
    ),
    "gcp:cloudrunv2/service:Service": Form("run.v2", "GoogleCloudRunV2Service", (*_NAMED, "deletionProtection"), _service),
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": Form("run.v2", "GoogleIamV1SetIamPolicyRequest", _NAMED, _binding),
    "gcp:cloudfunctionsv2/function:Function": Form("cloudfunctions.v2", "Function", _NAMED),
    "gcp:storage/bucket:Bucket": Form("storage.v1", "Bucket", ("project", "forceDestroy"), _bucket),
    "gcp:storage/bucketObject:BucketObject": Form("storage.v1", "Object", ("source",)),
    "gcp:storage/bucketIAMMember:BucketIAMMember": Form("storage.v1", "Policy", ("bucket",), _policy),
    "gcp:eventarc/trigger:Trigger": Form("eventarc.v1", "Trigger", _NAMED, _trigger),
    "gcp:cloudscheduler/job:Job": Form("cloudscheduler.v1", "Job", ("project", "region", "name")),
    "gcp:monitoring/alertPolicy:AlertPolicy": Form("monitoring.v3", "AlertPolicy", ("project",)),
    "gcp:monitoring/notificationChannel:NotificationChannel": Form("monitoring.v3", "NotificationChannel", ("project",)),
    "gcp:billing/budget:Budget": Form("billingbudgets.v1", "GoogleCloudBillingBudgetsV1Budget", ("billingAccount",), _budget),
}
