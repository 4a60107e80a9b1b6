"""What `mldeploy doctor` looks at for AWS: everything at once, each with the command that mends it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator

from mldeploy.errors import MldeployError
from mldeploy.providers.aws.client import Clients, asking
from mldeploy.providers.aws.settings import AwsSettings
from mldeploy.providers.contract import Finding

EXTRA = "pip install 'mldeploy[aws]'"
_PACKAGES = {"pulumi": "pulumi", "pulumi_aws": "pulumi-aws", "botocore": "botocore", "docker": "docker"}


def checks() -> Iterable[Finding]:
    """Every finding, in the order in which things are needed."""
    from mldeploy import image
    from mldeploy.stacks import engine

    yield packages()
    yield from engine.checks()
    yield from image.checks()
    yield from account()


def packages() -> Finding:
    """The parts of the extra."""
    missing = [package for module, package in _PACKAGES.items() if importlib.util.find_spec(module) is None]
    if missing:
        return Finding("SDK", False, f"missing: {', '.join(missing)}", EXTRA)
    return Finding("SDK", True, ", ".join(_PACKAGES.values()))


def account() -> Iterator[Finding]:
    """Credentials by asking who they are, and the region that this shell would choose."""
    region = str(AwsSettings.model_fields["region"].default)
    try:
        with asking("no answer"):
            found = Clients(region)("sts", read_s=10.0, attempts=1).get_caller_identity()
    except MldeployError as error:
        yield Finding("credentials", False, error.message.partition("\n")[0], error.hint or EXTRA)
    else:
        yield Finding("credentials", True, f"account {found['Account']}, {found['Arn']}")
    yield Finding("region", True, f"clouds.aws.region decides; left out, it is {region}")
