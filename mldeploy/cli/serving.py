"""What it takes to run a spec's model in a runtime of this terminal's own: the bundle and the environment, secrets included.

`serve` and `bench` use it. The settings are the plan's, so that it behaves as the deployment would; a secret that only the
cloud can resolve is an error that names it.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mldeploy.errors import DeployError

if TYPE_CHECKING:
    from mldeploy.bench.runtime import RuntimeProcess
    from mldeploy.plan import Plan
    from mldeploy.progress import Reporter
    from mldeploy.spec.loaded import LoadedSpec

KEY_NAME = "MLDEPLOY_API_KEY"


@dataclass(frozen=True)
class Serving:
    """A packed model and how to serve it. `headers` are what a caller must send; `key` is "" where none is needed."""

    bundle: Path
    environ: Mapping[str, str] = field(repr=False)
    key: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"} if self.key else {}

    def runtime(self, *, host: str = "127.0.0.1", port: int = 0, is_silent: bool = False) -> RuntimeProcess:
        """Start it. Raises DeployError when the port is taken."""
        from mldeploy.bench.runtime import RuntimeProcess

        output = subprocess.DEVNULL if is_silent else None
        return RuntimeProcess(self.bundle, self.environ, host=host, port=port, output=output)


def prepare(loaded: LoadedSpec, cloud: str, report: Reporter) -> Serving:
    """Check and pack the spec's model as a deployment would. Raises the errors of `deploy`."""
    from mldeploy import deploy
    from mldeploy.providers import registry

    deploy.check(loaded, cloud)
    bundle = deploy.pack(loaded, report)
    plan = registry.get(cloud).plan(loaded, bundle)
    values = _secrets(plan, loaded.root)
    return Serving(bundle.root, {**os.environ, **plan.environment, **values}, values.get(KEY_NAME, ""))


def _secrets(plan: Plan, root: Path) -> dict[str, str]:
    values = {name: _secret(name, reference, root) for name, reference in plan.secrets.items()}
    if plan.access == "key":
        values.setdefault(KEY_NAME, secrets.token_urlsafe(24))
    return values


def _secret(name: str, reference: str, root: Path) -> str:
    scheme, _, rest = reference.partition(":")
    if scheme == "env":
        if rest not in os.environ:
            raise DeployError(f"secret {name}: the environment variable {rest} is not set", f"export {rest}=… first")
        return os.environ[rest]
    if scheme == "file":
        try:
            return (root / rest).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise DeployError(f"secret {name}: {rest} cannot be read: {error}", f"write the secret into {rest}") from error
    if name == KEY_NAME:
        return secrets.token_urlsafe(24)
    raise DeployError(f"secret {name}: only its provider can resolve {reference}", "use env:NAME or file:PATH in this stage")
