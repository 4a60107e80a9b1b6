"""The three laboratories. What a cloud needs in the environment of a command is here and nowhere else."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from plugin import boundary

from engine_lab import found, plugins, project, site, standins
from engine_lab.amazon import amazon
from engine_lab.lab import Hands, Lab

PROJECT, REGION = "mldeploy-tests", "europe-west1"
SUBSCRIPTION, TENANT, LOCATION = "11111111-2222-3333-4444-555555555555", "99999999-8888-7777-6666-555555555555", "northeurope"

GOOGLE = (
    "artifactregistry",
    "billingbudgets",
    "cloudfunctions",
    "cloudresourcemanager",
    "cloudscheduler",
    "eventarc",
    "iam",
    "logging",
    "monitoring",
    "run",
    "secretmanager",
    "storage",
)


@contextlib.contextmanager
def opened(cloud: str, registry: str, folder: Path) -> Iterator[Lab]:
    """The laboratory of `cloud` in the empty `folder`."""
    with {"aws": _aws, "gcp": _gcp, "azure": _azure}[cloud](registry, folder) as lab:
        yield lab


def _common(folder: Path, plugin: str, module: str) -> dict[str, str]:
    """What every command needs: the engine, one plugin, the stand-ins' names, a state folder, a boundary."""
    engine, folders = found.engine(), {name: folder / name for name in ("plugins", "site", "state", "boundary")}
    for each in folders.values():
        each.mkdir()
    plugins.write(folders["plugins"], plugin, module)
    return {
        "PATH": os.pathsep.join([str(folders["plugins"]), str(engine.parent), os.environ["PATH"]]),
        "PYTHONPATH": str(site.make(folders["site"])),
        "MLDEPLOY_STATE_DIR": str(folders["state"]),
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "NO_COLOR": "1",
        "NO_PROXY": "127.0.0.1,localhost,.standin.test",
        boundary.ENVIRONMENT_NAME: str(folders["boundary"]),
    }


def _lab(cloud: str, folder: Path, hands: Hands, environment: Mapping[str, str], block: dict[str, Any], access: str) -> Lab:
    place = folder / "project"
    place.mkdir()
    project.write_model(place)
    lab = Lab(cloud, hands, place, environment, boundary.Boundary(folder / "boundary"), block)
    lab.write_spec(**project.spec({cloud: block}, access))
    return lab


@contextlib.contextmanager
def _aws(registry: str, folder: Path) -> Iterator[Lab]:
    binary = found.terraform_aws()
    environment = _common(folder, "aws", "bridge")
    with amazon(registry, folder) as running:
        environment |= {
            "TF_PROVIDER_BINARY": str(binary),
            "AWS_ENDPOINT_URL": running.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "SSL_CERT_FILE": str(running.authorities),
            "AWS_CA_BUNDLE": str(running.authorities),
            "REQUESTS_CA_BUNDLE": str(running.authorities),
        }
        block = {"region": running.region, "base": found.base_image()}
        yield _lab("aws", folder, running, environment, block, "private")


@contextlib.contextmanager
def _gcp(registry: str, folder: Path) -> Iterator[Lab]:
    scope = {"project": PROJECT, "region": REGION, "registry": registry}
    environment = _common(folder, "gcp", "standin")
    with standins.control_plane("gcp", folder, scope, [f"*.{REGION}.run.standin.test"]) as running:
        key = folder / "caller.json"
        key.write_text(json.dumps(_service_account(running.url)))
        environment |= {
            **_stand_in(running),
            "GOOGLE_APPLICATION_CREDENTIALS": str(key),
            **{f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name.upper()}": f"{running.url}/{name}/" for name in GOOGLE},
        }
        refusal = "Error creating Service: googleapi: Error 403: Quota exceeded for total allowable CPU per project per region."
        hands = standins.StandInHands(running.url, "cloudrunv2/service:Service", refusal)
        block = {"project": PROJECT, "region": REGION, "base": found.base_image()}
        yield _lab("gcp", folder, hands, environment, block, "private")


@contextlib.contextmanager
def _azure(registry: str, folder: Path) -> Iterator[Lab]:
    scope = {"subscription": SUBSCRIPTION, "tenant": TENANT, "region": LOCATION, "registry": registry}
    environment = _common(folder, "azure-native", "standin")
    names = [f"*.{LOCATION}.azurecontainerapps.standin.test"]
    with standins.control_plane("azure-native", folder, scope, names, {"functions_host": _functions_host()}) as running:
        environment |= {
            **_stand_in(running),
            "MLDEPLOY_AZURE_ENDPOINT": running.url,
            "IDENTITY_ENDPOINT": f"{running.url}/msi/token",
            "IDENTITY_HEADER": "standin",
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        }
        refusal = 'Code="MaxNumberOfRegionalEnvironmentsExceeded" Message="The subscription has 20 environments, and no more"'
        hands = standins.StandInHands(running.url, ":ContainerApp", refusal)
        block = {"subscription": SUBSCRIPTION, "region": LOCATION, "base_image": found.base_image()}
        yield _lab("azure", folder, hands, environment, block, "key")


def _functions_host() -> dict[str, Any]:
    """How a stand-in for Microsoft's base image starts: the stand-in Functions host of tests/runtime before the real worker
    library, both put into the container from outside."""
    packages = next(found.by_path("azure_worker").environment().parents[1].glob("lib/python3.13/site-packages"))
    return {
        "entrypoint": ["python3", "/functions-host/azure_host.py"],
        "environment": {"PYTHONPATH": "/functions-worker"},
        "mounts": {
            str(found.ENTRYPOINTS / "azure_host.py"): "/functions-host/azure_host.py",
            str(packages): "/functions-worker",
        },
    }


def _stand_in(running: standins.ControlPlane) -> dict[str, str]:
    return {
        "MLDEPLOY_TEST_CONTROL_PLANE": running.url,
        "SSL_CERT_FILE": str(running.authorities),
        "REQUESTS_CA_BUNDLE": str(running.authorities),
    }


def _service_account(url: str) -> dict[str, str]:
    """A key file as Google gives it out, whose tokens come from the stand-in."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "standin",
        "private_key": text,
        "client_email": f"caller@{PROJECT}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{url}/token",
    }
