"""botocore, in this one place: sessions from the caller's own environment, clients, signatures, and errors in our words.

It is imported when something is asked of AWS, never before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from mldeploy import errors
from mldeploy.errors import DeployError, MldeployError, ProviderError
from mldeploy.providers.aws.causes import explained

CONNECT_S = 10.0
READ_S = 60.0


class Clients:
    """Clients of one region. `endpoint_url` is for tests; AWS_ENDPOINT_URL does the same from outside."""

    def __init__(self, region: str, endpoint_url: str | None = None) -> None:
        self.region = region
        self._endpoint_url = endpoint_url
        self._session: Any = None
        self._made: dict[tuple[str, float], Any] = {}

    def __call__(self, service: str, read_s: float = READ_S, attempts: int = 3) -> Any:
        """A client of a service. Raises ProviderError without botocore or with a broken configuration."""
        key = (service, read_s)
        if key not in self._made:
            with asking("AWS cannot be asked"):
                from botocore.config import Config  # type: ignore[import-untyped]

                config = Config(connect_timeout=CONNECT_S, read_timeout=read_s, retries={"total_max_attempts": attempts})
                made = self._known().create_client(
                    service, region_name=self.region, endpoint_url=self._endpoint_url, config=config
                )
                self._made[key] = made
        return self._made[key]

    def signature(self, service: str, method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """The headers that sign one request (SigV4). Raises ProviderError without credentials."""
        with asking("the request cannot be signed"):
            from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
            from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]

            found = self._known().get_credentials()
            if found is None:
                raise ProviderError("the request cannot be signed: there are no AWS credentials", _missing_hint())
            request = AWSRequest(method, url, dict(headers), body)
            SigV4Auth(found.get_frozen_credentials(), service, self.region).add_auth(request)
            wanted = ("authorization", "x-amz-date", "x-amz-security-token")
            return {name.lower(): value for name, value in request.headers.items() if name.lower() in wanted}

    def _known(self) -> Any:
        if self._session is None:
            from botocore.session import get_session  # type: ignore[import-untyped]

            self._session = get_session()
        return self._session


@contextlib.contextmanager
def asking(doing: str) -> Iterator[None]:
    """Turns what botocore raises into an error of ours that begins with `doing`."""
    try:
        yield
    except MldeployError:
        raise
    except ImportError as error:
        raise ProviderError(f"{doing}: {error}", "pip install 'mldeploy[aws]'") from error
    except Exception as error:
        if not type(error).__module__.startswith("botocore"):
            raise
        words = f"{type(error).__name__}: {error}"
        found = explained(words)
        if found is None:
            raise DeployError(f"{doing}: {words}", "see the AWS Health Dashboard, and run the command again") from error
        kind: type[MldeployError] = getattr(errors, found.error)
        raise kind(f"{doing}: {found.cause}\n  {words}", found.fix) from error


def code_of(error: BaseException) -> str:
    """The service's own name of an error ("ResourceNotFoundException"); "" when it is none of a service's."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


class missing_is_fine:  # noqa: N801  # read as a word of the with statement
    """Leaves the block when the service says that there is no such thing, by one of these names of errors."""

    def __init__(self, *codes: str) -> None:
        self._codes = codes

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        return error is not None and code_of(error) in self._codes


def _missing_hint() -> str:
    found = explained("Unable to locate credentials")
    return found.fix if found else ""
