"""Functions of package type Image: moto keeps them, this runs them, one container for each version and configuration.

The container shares the machine's network, because moto and the emulator listen on 127.0.0.1 only, and both must be reached.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import docker
from docker.errors import DockerException
from docker.models.containers import Container
from moto.awslambda.models import LambdaFunction

LABEL = "mldeploy-test"
START_S = 30.0
PATH = "/2015-03-31/functions/function/invocations"


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1]), int(two.getsockname()[1])


@dataclass
class Sandbox:
    """One execution environment. The emulator takes one request at a time."""

    container: Container
    port: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    read: int = 0

    def invoke(self, payload: str, timeout_s: float) -> tuple[str, str]:
        """(answer, what the function wrote meanwhile)."""
        with self.lock:
            answer = self._post(payload, timeout_s)
            lines = self.container.logs().decode(errors="replace").splitlines()
            new, self.read = lines[self.read :], len(lines)
        return answer, "\n".join(new)

    def _post(self, payload: str, timeout_s: float) -> str:
        deadline = time.monotonic() + START_S
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s + START_S)
            try:
                connection.request("POST", PATH, payload.encode(), {"content-type": "application/json"})
                return connection.getresponse().read().decode(errors="replace")
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            finally:
                connection.close()


class Sandboxes:
    """All execution environments of one moto. `emulator` is AWS's binary, `surroundings` what every function gets."""

    def __init__(self, emulator: str, owner: str, surroundings: Mapping[str, str]) -> None:
        self._client: Any = docker.from_env()
        self._emulator = emulator
        self._owner = owner
        self._surroundings = surroundings
        self._pool: dict[tuple[str, ...], Sandbox] = {}
        self._lock = threading.Lock()

    def of(self, function: LambdaFunction) -> Sandbox:
        """The one of this version and configuration, started where there is none."""
        variables = {name: str(value) for name, value in function.environment_vars.items()}
        settings = json.dumps([function.memory_size, function.timeout, variables], sort_keys=True)
        key = (function.function_arn, function.code["ImageUri"], settings)
        with self._lock:
            if key not in self._pool:
                self._pool[key] = self._start(function, variables)
            return self._pool[key]

    def _start(self, function: LambdaFunction, variables: Mapping[str, str]) -> Sandbox:
        image = self._client.images.pull(function.code["ImageUri"])
        port, inner = _free_ports()
        given = getattr(function, "image_config", None)
        command = [
            "--runtime-interface-emulator-address",
            f"127.0.0.1:{port}",
            "--runtime-api-address",
            f"127.0.0.1:{inner}",
            *(getattr(given, "entry_point", None) or image.attrs["Config"]["Entrypoint"] or []),
            *(getattr(given, "cmd", None) or image.attrs["Config"]["Cmd"] or []),
        ]
        container = self._client.containers.run(
            image.id,
            command,
            entrypoint=["/aws-lambda-rie"],
            working_dir=image.attrs["Config"].get("WorkingDir") or "/",
            detach=True,
            network_mode="host",
            volumes={self._emulator: {"bind": "/aws-lambda-rie", "mode": "ro"}},
            mem_limit=f"{function.memory_size}m",
            read_only=True,
            tmpfs={"/tmp": "size=512m"},
            cap_drop=["ALL"],
            environment={**self._surroundings, **variables, **_lambda_variables(function)},
            labels={LABEL: self._owner},
        )
        return Sandbox(container, port)

    def remove_all(self) -> None:
        """End every container of this owner."""
        for container in self._client.containers.list(all=True, filters={"label": f"{LABEL}={self._owner}"}):
            with contextlib.suppress(DockerException):
                container.remove(force=True)


def _lambda_variables(function: LambdaFunction) -> dict[str, str]:
    return {
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
        "AWS_REGION": function.region,
    }


def patch(sandboxes: Sandboxes) -> None:
    """Make moto run images."""
    without_image = LambdaFunction._invoke_lambda

    def invoke(self: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
        if self.package_type != "Image":
            return without_image(self, event)
        payload = event if isinstance(event, str) else json.dumps(event)
        answer, log = sandboxes.of(self).invoke(payload, float(self.timeout))
        self.logs_backend.ensure_log_group(self.logs_group_name)
        self.save_logs(log)
        return answer, _is_error(answer), log

    LambdaFunction._invoke_lambda = invoke  # type: ignore[method-assign]


def _is_error(answer: str) -> bool:
    try:
        document = json.loads(answer)
    except ValueError:
        return True
    return isinstance(document, dict) and "errorType" in document
