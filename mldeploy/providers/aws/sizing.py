"""Every value that the spec leaves to this provider, decided. Pure.

Memory: Lambda gives processor time in proportion to memory, and one whole processor at 1769 MB. Below that a prediction takes
longer at about the same price; so that is the default. Above it only a model that computes on several threads gains.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from mldeploy.providers.aws.limits import HTTP_API_TIMEOUT_S, MAX_TIMEOUT_S
from mldeploy.providers.aws.settings import AwsSettings
from mldeploy.spec.loaded import LoadedSpec

NAME = "aws"
DEFAULT_MEMORY_MB = 1769
DEFAULT_EPHEMERAL_MB = 512
DEFAULT_TIMEOUT_S = 30.0
# The first invocation waits for a model that takes longer to load than Lambda's ten seconds of initialisation.
LOAD_S = 30
ANSWER_S = 1.0  # what the runtime leaves Lambda, to answer 504 itself


class Sizing(NamedTuple):
    """`timeout_s` is the runtime's own limit; `lambda_timeout_s` is Lambda's, which also covers a slow load."""

    memory_mb: int
    timeout_s: float
    lambda_timeout_s: int
    ephemeral_mb: int
    architecture: str
    min_instances: int
    provisioned: int
    reserved: int | None


def settings_of(loaded: LoadedSpec) -> AwsSettings:
    """The `clouds.aws` block, with its defaults."""
    return AwsSettings.model_validate(loaded.spec.clouds.get(NAME, {}))


def sizing(loaded: LoadedSpec, settings: AwsSettings) -> Sizing:
    """The decided sizes."""
    wanted = loaded.spec.resources
    default_s = HTTP_API_TIMEOUT_S - ANSWER_S if settings.endpoint == "http_api" else DEFAULT_TIMEOUT_S
    timeout_s = wanted.timeout_s or default_s
    lambda_timeout_s = min(MAX_TIMEOUT_S, math.ceil(timeout_s) + LOAD_S)
    min_instances = wanted.min_instances or 0
    provisioned, reserved = settings.provisioned_concurrency, settings.reserved_concurrency
    return Sizing(
        memory_mb=wanted.memory_mb or DEFAULT_MEMORY_MB,
        timeout_s=min(timeout_s, lambda_timeout_s - ANSWER_S),
        lambda_timeout_s=lambda_timeout_s,
        ephemeral_mb=wanted.ephemeral_mb or DEFAULT_EPHEMERAL_MB,
        architecture=wanted.architecture or "x86_64",
        min_instances=min_instances,
        provisioned=min_instances if provisioned is None else provisioned,
        reserved=wanted.max_instances if reserved is None else reserved,
    )
