"""Where the real parts lie on this machine. Each function returns what it found, or skips the test with how to get it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parents[1]
ENTRYPOINTS = HERE.parent / "runtime" / "entrypoints"
ENGINE_GET = "bash tools/pulumi/build"


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mldeploy"


def engine() -> Path:
    """The Pulumi engine."""
    on_path = shutil.which("pulumi")
    if on_path:
        return Path(on_path)
    version = re.search(r"pulumi/pkg/v3 (v[\d.]+)", (HERE.parents[1] / "tools/pulumi/go.mod").read_text())
    assert version is not None
    cached = _cache() / "pulumi" / version[1] / "bin" / "pulumi"
    if not cached.exists():
        pytest.skip(f"no Pulumi engine: {ENGINE_GET}")
    return cached


def terraform_aws() -> Path:
    """Terraform's AWS provider."""
    places = [
        Path(os.environ.get("TF_PLUGIN_DIR", "/nowhere")),
        Path.home() / ".terraform.d",
        Path("/usr/share/terraform/plugins"),
        Path("/usr/local/share/terraform/plugins"),
        Path("/opt"),
    ]
    found = [
        path for place in places if place.is_dir() for path in place.glob("**/terraform-provider-aws_v*") if path.is_file()
    ]
    if not found:
        pytest.skip(
            "no AWS provider: `pulumi plugin install resource aws`, or `terraform providers mirror ~/.terraform.d/plugins`"
        )
    return max(found)


def pulumi_aws() -> Path | None:
    """The published Pulumi plugin, where it is installed."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    installed = sorted(home.glob("plugins/resource-aws-v7*/pulumi-resource-aws"))
    on_path = shutil.which("pulumi-resource-aws")
    return installed[-1] if installed else Path(on_path) if on_path else None


def docker_registry() -> Path:
    """Debian's registry server, which stands in for ECR, ACR and Artifact Registry: real pushes, real digests."""
    found = shutil.which("docker-registry")
    if not found:
        pytest.skip("no docker-registry: tools/docker/install unpacks Debian's (as root)")
    return Path(found)


def docker() -> None:
    """A Docker engine that answers."""
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker engine answers: apt-get install docker.io, and start dockerd")


def base_image() -> str:
    """The local stand-in for the clouds' base images: a Debian with Python 3.13."""
    docker()
    name = os.environ.get("MLDEPLOY_TEST_BASE", "mldeploy-test/python:3.13")
    if subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode:
        pytest.skip(f"no base image {name}: bash tools/docker/base")
    return name


def lambda_emulator() -> Path:
    """AWS's runtime interface emulator, kept where the tests of the entry points keep it."""
    rie = by_path("rie")
    try:
        return Path(rie.binary())
    except rie.Missing as missing:
        pytest.skip(str(missing))


def by_path(name: str) -> Any:
    """A module of tests/runtime/entrypoints, which is in no package."""
    spec = importlib.util.spec_from_file_location(f"entrypoints_{name}", ENTRYPOINTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
