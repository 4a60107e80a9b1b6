"""The physical names of one deployment. Pure; the same on every run, and never those of another deployment."""

from __future__ import annotations

from typing import NamedTuple

from mldeploy.naming import Rule, physical

# A traffic tag and the service name share one DNS label with the project's number: "candidate---NAME-123456789012".
SERVICE = Rule(max_chars=36)
ACCOUNT = Rule(max_chars=30)  # at least 6, which the digest of a part sees to
REPOSITORY = Rule(max_chars=63)
BUCKET = Rule(max_chars=63, is_global=True)
SECRET = Rule(max_chars=255)
OTHER = Rule(max_chars=63)


class Names(NamedTuple):
    """Every name that a deployment may have; `source` is a bucket, `runtime`, `caller` and `builder` are service accounts."""

    service: str
    repository: str
    runtime: str
    caller: str
    builder: str
    source: str
    trigger: str
    events: str
    schedule: str


def names_of(model: str, stage: str, project: str) -> Names:
    """The names of this deployment."""
    return Names(
        service=physical(SERVICE, model, stage),
        repository=physical(REPOSITORY, model, stage),
        runtime=physical(ACCOUNT, model, stage, "run"),
        caller=physical(ACCOUNT, model, stage, "call"),
        builder=physical(ACCOUNT, model, stage, "build"),
        source=physical(BUCKET, model, stage, "source", project),
        trigger=physical(OTHER, model, stage, "objects"),
        events=physical(SERVICE, model, stage, "events"),
        schedule=physical(OTHER, model, stage, "schedule"),
    )


def secret_id(model: str, stage: str, name: str) -> str:
    """The Secret Manager secret that holds the value of the spec's secret `name`."""
    return physical(SECRET, model, stage, name.lower().replace("_", "-"))
