"""What serves, as the rest of the service's program sees it: a Cloud Run service, whether we or Cloud Functions made it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class Served:
    """`service` is the name of the Cloud Run service, `release` what was asked for and serves, `revision` its revision's name;
    `candidate_url` reaches the new release before it has traffic, and is `url` where there is no such thing."""

    service: pulumi.Output[str]
    url: pulumi.Output[str]
    candidate_url: pulumi.Output[str]
    release: str
    revision: str
    resource: pulumi.Resource
