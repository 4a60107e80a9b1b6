"""The Docker engine: the only door to docker-py, and where its errors become ours.

    connect() ─▶ Engine: build · inspect · save · load · push · run (for the probe)

Every failure is a ProviderError (no engine to talk to) or a DeployError (it refused), with what to do next.
"""

from __future__ import annotations

import contextlib
import errno
import re
import socket
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

from mldeploy.errors import DeployError, GateError, MldeployError, ProviderError

if TYPE_CHECKING:
    import docker  # type: ignore[import-untyped]

_PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
TIMEOUT_S = 600
KNOCK_S = 10.0
NOT_INSTALLED = "the Docker SDK for Python is not installed"
INSTALL_SDK = "pip install 'docker>=7.1'"
NO_PERMISSION = "sudo usermod -aG docker $USER, then log in anew; or use rootless Docker"
NOT_RUNNING = "install Docker and start it (Linux: sudo systemctl start docker; else start Docker Desktop), or set DOCKER_HOST"


def platform(architecture: str) -> str:
    """ "x86_64" as Docker says it: "linux/amd64"."""
    return _PLATFORMS[architecture]


def connect(timeout_s: float = TIMEOUT_S) -> Engine:
    """The engine that DOCKER_HOST or the default socket leads to. Raises ProviderError."""
    try:
        import docker
        from docker.errors import DockerException  # type: ignore[import-untyped]
    except ImportError as error:
        raise ProviderError(NOT_INSTALLED, INSTALL_SDK) from error
    settings = docker.utils.kwargs_from_env()
    try:
        _knock(settings.get("base_url", docker.constants.DEFAULT_UNIX_SOCKET))
        return Engine(docker.APIClient(version="auto", timeout=timeout_s, **settings))
    except (DockerException, OSError) as error:
        raise unreachable(error) from error


def _knock(address: str) -> None:
    """Raises OSError where nobody listens at a Unix socket: docker-py would say so, too, but leave its own socket open."""
    scheme, _, path = address.partition("unix://")
    if scheme in ("", "http+") and path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.settimeout(KNOCK_S)
            door.connect(path)


def hang_up(stream: Any, *held: Any) -> None:
    """Close what `attach` gave and what came of it. docker-py hangs the response on it, and that keeps the connection."""
    for each in (getattr(stream, "_response", None), stream, *held):
        if each is not None:
            each.close()


def unreachable(error: BaseException) -> ProviderError:
    """Why there is no engine to talk to."""
    words = str(error)
    if "Permission denied" in words or _has_errno(error, errno.EACCES):
        return ProviderError("Docker is there, but this user may not use it (permission denied on its socket)", NO_PERMISSION)
    if "No such file" in words or "Connection refused" in words or "CreateFile" in words:
        return ProviderError("no Docker engine answers: it is not installed or not running", NOT_RUNNING)
    return ProviderError(f"no Docker engine answers: {words[:300]}", NOT_RUNNING)


def _has_errno(error: BaseException | None, number: int) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno == number:
            return True
        error = error.__cause__ or error.__context__
    return False


class Engine:
    """A connection to an engine. Images are named "repository:tag" or by their id."""

    def __init__(self, api: docker.APIClient) -> None:
        self.api = api

    def close(self) -> None:
        self.api.close()

    def info(self) -> dict[str, Any]:
        with translated("Docker does not say what it is"):
            return dict(self.api.info())

    def inspect(self, name: str) -> dict[str, Any] | None:
        """What the engine knows of an image; None when it has none of this name."""
        from docker.errors import ImageNotFound

        with translated(f"Docker cannot look at {name}"):
            try:
                return dict(self.api.inspect_image(name))
            except ImageNotFound:
                return None

    def history(self, name: str) -> list[dict[str, Any]]:
        with translated(f"Docker cannot look at {name}"):
            return list(self.api.history(name))

    def build(self, context: IO[bytes], architecture: str, tag: str, *, is_fresh: bool) -> Iterator[dict[str, Any]]:
        """Build a tar; the engine's messages as they come. `is_fresh` takes nothing from the cache."""
        with translated("Docker cannot build the image"):
            yield from self.api.build(
                fileobj=context, custom_context=True, tag=tag, rm=True, forcerm=True, decode=True, nocache=is_fresh,
                platform=platform(architecture), network_mode="none", timeout=TIMEOUT_S,
            )  # fmt: skip

    def save(self, name: str) -> Iterator[bytes]:
        with translated(f"Docker cannot hand out {name}"):
            yield from self.api.get_image(name)

    def load(self, archive: IO[bytes]) -> None:
        """Load a docker-archive. Raises DeployError when the engine does not take it."""
        with translated("Docker cannot load the image"):
            for message in self.api.load_image(archive):
                if "error" in message:
                    raise DeployError(f"Docker cannot load the image: {message['error']}", "look at the engine's log")

    def tag(self, name: str, repository: str, tag: str) -> None:
        with translated(f"Docker cannot name {name}"):
            self.api.tag(name, repository, tag)

    def untag(self, name: str) -> None:
        """Drop a name; the layers stay for other images that have them."""
        with contextlib.suppress(MldeployError), translated(f"Docker cannot forget {name}"):
            self.api.remove_image(name, noprune=True)

    def push(self, repository: str, tag: str, auth: Mapping[str, str] | None) -> Iterator[dict[str, Any]]:
        with translated("Docker cannot push the image"):
            yield from self.api.push(
                repository, tag, stream=True, decode=True, auth_config=dict(auth) if auth else {"username": "", "password": ""}
            )

    def create(self, name: str, command: list[str], **settings: Any) -> str:
        """A container that is not started yet; its id. `settings` are those of a host config."""
        environment, user = settings.pop("environment"), settings.pop("user")
        with translated("Docker cannot make a container of the image"):
            host = self.api.create_host_config(**settings)
            made = self.api.create_container(
                name, entrypoint=command[:1], command=command[1:], environment=environment, user=user,
                host_config=host, stdin_open=True, network_disabled=True,
            )  # fmt: skip
            return str(made["Id"])

    def attach(self, container: str) -> Any:
        """The raw socket of a container's standard streams; "stdin_once" is the caller's half-close."""
        with translated("Docker cannot talk to the container"):
            return self.api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})

    def start(self, container: str) -> None:
        with translated("Docker cannot start the container"):
            self.api.start(container)

    def state(self, container: str) -> dict[str, Any]:
        with translated("Docker cannot look at the container"):
            return dict(self.api.inspect_container(container)["State"])

    def remove(self, container: str) -> None:
        """Remove a container, running or not; one that is gone is fine."""
        with contextlib.suppress(MldeployError), translated("Docker cannot remove the container"):
            self.api.remove_container(container, force=True, v=True)


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """docker-py's errors, and those of the connection below it, as ours."""
    import requests
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as error:
        raise refusal(str(error.explanation or error), what) from error
    except (requests.exceptions.RequestException, DockerException, OSError) as error:
        if isinstance(error, DockerException | requests.exceptions.ConnectionError) and _is_gone(error):
            raise unreachable(error) from error
        raise DeployError(
            f"{what}: {str(error)[:300] or type(error).__name__}", "look at the engine's log; then run again"
        ) from error


def _is_gone(error: BaseException) -> bool:
    return any(words in str(error) for words in ("Connection refused", "No such file", "Permission denied"))


# What the engine says, what it means, and what to do. The first that matches holds.
_REFUSALS: tuple[tuple[str, type[MldeployError], str, str], ...] = (
    (
        r"no space left on device|disk quota exceeded",
        DeployError,
        "no space is left on the engine's disk",
        "docker system df shows what takes it, docker system prune frees what nothing uses; then run again",
    ),
    (
        r"exec format error",
        GateError,
        "this machine cannot run programs of the image's architecture",
        "build on such a machine, or install emulation: docker run --privileged --rm tonistiigi/binfmt --install all",
    ),
    (
        r"no matching manifest|does not match the specified platform|was found but does not provide the specified platform",
        GateError,
        "the base image does not exist for the architecture that the plan wants",
        "set resources.architecture to one that it has, or name another base image",
    ),
    (
        r"pull access denied|manifest unknown|manifest for .* not found|repository does not exist|no such image",
        GateError,
        "the base image cannot be found",
        "look at its reference in the spec; docker pull shows what its registry says, docker login logs in there",
    ),
    (
        r"toomanyrequests|rate limit",
        DeployError,
        "the registry of the base image limits how often this address pulls",
        "docker login there, wait, or name a mirror of it as the base image",
    ),
    (
        r"dial tcp|i/o timeout|TLS handshake|connection reset|no such host|request canceled",
        DeployError,
        "the engine does not reach the registry of the base image",
        "look at the engine's network and proxy; then run again",
    ),
)  # fmt: skip


def refusal(words: str, what: str) -> MldeployError:
    """The engine's words as an error of ours, which keeps them."""
    for pattern, kind, cause, fix in _REFUSALS:
        if re.search(pattern, words, re.IGNORECASE):
            return kind(f"{what}: {cause} ({words.strip()[:300]})", fix)
    return DeployError(f"{what}: {words.strip()[:500]}", "look at the engine's log")
