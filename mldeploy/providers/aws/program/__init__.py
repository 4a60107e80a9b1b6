"""The two Pulumi programs of AWS: `registry` (where images and secrets go), then `service` (what runs).

    document ─registry─▶ ECR repository, secret container
    document + image, release, live ─service─▶ role, log group, function, version, alias, endpoint, triggers, alarms

They import Pulumi and its SDK and nothing of mldeploy, so that `eject` can write them out. `document` is Plan.program.
"""

from __future__ import annotations

from typing import Any


def registry(document: Any) -> None:
    """Declare the registry stack."""
    from mldeploy.providers.aws.program.keeping import declare

    declare(document)


def service(document: Any) -> None:
    """Declare the service stack."""
    from mldeploy.providers.aws.program.serving import declare

    declare(document)
