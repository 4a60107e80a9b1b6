"""What `mldeploy doctor` looks at for Google Cloud: engine, Docker, SDK, credentials. Nothing is changed. What
concerns a project needs a spec, and `up` looks at it first of all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from mldeploy.errors import MldeployError
from mldeploy.providers.contract import Finding

PACKAGES = ("pulumi", "pulumi-gcp", "google-auth")
REMEDY = "pip install 'mldeploy[gcp]'"


def checks() -> Iterator[Finding]:
    """Every finding, in the order in which things are needed."""
    from mldeploy import image
    from mldeploy.stacks import engine

    yield from engine.checks()
    yield from image.checks()
    yield _packages()
    yield from _credentials()
    yield _gcloud()


def _packages() -> Finding:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("Google Cloud SDK packages", False, f"{', '.join(missing)} not installed", REMEDY)
    return Finding("Google Cloud SDK packages", True, ", ".join(found))


def _credentials() -> Iterator[Finding]:
    """Whether there are some and Google takes them."""
    from mldeploy.providers.gcp import client
    from mldeploy.providers.gcp.causes import LOGIN

    try:
        found = client.credentials("")
        client.refresh(found)
    except MldeployError as error:
        yield Finding("Google Cloud credentials", False, error.message, error.hint or LOGIN)
        return
    who = getattr(found, "service_account_email", None) or getattr(found, "account", "") or "a person"
    yield Finding("Google Cloud credentials", True, f"valid · {who}")
    yield Finding(
        "Google Cloud project and APIs",
        True,
        "clouds.gcp.project is looked at by `up`, before anything is built; it enables APIs",
    )


def _gcloud() -> Finding:
    """Only a person's own credentials need it, to call a private service."""
    program = shutil.which("gcloud")
    text = program or "not on the PATH; only needed to call a private service with a person's own credentials"
    return Finding("gcloud", True, text)
