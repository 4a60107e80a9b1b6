"""What `mldeploy doctor` looks at for Google Cloud: SDK, engine, Docker, credentials. Nothing is changed.

The project looked at is the one of this machine's settings; `up` looks at the spec's own before anything is built."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from mldeploy.errors import MldeployError
from mldeploy.providers.contract import Finding

PACKAGES = ("pulumi", "pulumi-gcp", "google-auth")
FIRST_APIS = ("cloudresourcemanager", "serviceusage")
REMEDY = "pip install 'mldeploy[gcp]'"


def checks() -> Iterator[Finding]:
    """Every finding, in the order in which things are needed."""
    from mldeploy import image
    from mldeploy.stacks import engine

    yield _packages()
    yield from engine.checks()
    yield from image.checks()
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
        return Finding("SDK", False, f"{', '.join(missing)} not installed", REMEDY)
    return Finding("SDK", True, ", ".join(found))


def _credentials() -> Iterator[Finding]:
    """Whether there are some, Google takes them, and what the project that they name by themselves lacks."""
    from mldeploy.providers.gcp import client
    from mldeploy.providers.gcp.causes import LOGIN

    try:
        found = client.credentials("")
        client.refresh(found)
    except MldeployError as error:
        yield Finding("credentials", False, error.message, error.hint or LOGIN)
        return
    who = getattr(found, "service_account_email", None) or getattr(found, "account", "") or "a person"
    yield Finding("credentials", True, f"valid · {who}")
    yield from _project(client.default_project())


def _project(project: str) -> Iterator[Finding]:
    """The APIs that have to be there before `up` can enable the others, and whether Cloud Run is in the default region."""
    from mldeploy.providers.gcp.client import Client

    title = "project"
    if not project:
        yield Finding(title, True, "none is set on this machine; `up` looks at clouds.gcp.project before anything is built")
        return
    try:
        with Client.open(project) as client:
            names = [f"projects/{project}/services/{api}.googleapis.com" for api in (*FIRST_APIS, "run")]
            answer = client.call("GET", "serviceusage", f"v1/projects/{project}/services:batchGet", names=names)
            places = client.find("run", f"v1/projects/{project}/locations", pageSize=200) or {}
    except MldeployError as error:
        yield Finding(title, False, f"{project}: {error.message}", error.hint or REMEDY)
        return
    states = {
        str(each["name"]).rpartition("/")[2].partition(".")[0]: each.get("state") for each in answer.get("services") or ()
    }
    off = [api for api in FIRST_APIS if states.get(api) != "ENABLED"]
    enable = f"gcloud services enable {' '.join(f'{api}.googleapis.com' for api in off)} --project {project}"
    text = f"{project}: {', '.join(off)} not enabled" if off else f"{project}: `up` enables what else a spec needs"
    yield Finding("APIs", not off, text, enable if off else "")
    regions = sorted(str(each.get("locationId")) for each in places.get("locations") or ())
    if regions:
        yield Finding("regions", True, f"{len(regions)} with Cloud Run, from {regions[0]} to {regions[-1]}")


def _gcloud() -> Finding:
    """Only a person's own credentials need it, to call a private service."""
    program = shutil.which("gcloud")
    text = program or "not on the PATH; only needed to call a private service with a person's own credentials"
    return Finding("gcloud", True, text)
