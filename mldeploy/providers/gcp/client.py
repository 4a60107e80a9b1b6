"""Google's REST APIs, asked with the caller's own credentials: google-auth for who asks, plain JSON for what.

    Client.open(project) ─▶ find (None when it is not there) · call ─▶ dict, or an error with its cause and fix

Base URLs can be overridden for private and emulated endpoints, in gcloud's own variables:
CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN=http://127.0.0.1:8001/ and so on. google-auth is imported when it is needed.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from mldeploy import errors
from mldeploy.errors import DeployError, MldeployError, ProviderError
from mldeploy.providers.gcp.causes import CAUSES, LOGIN

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
TIMEOUT_S = 30.0
PAGES = 50


class Answer(Protocol):
    """What a transport gives back: as much of `requests.Response` as is used here."""

    status_code: int

    def json(self) -> Any: ...


class Client:
    """One conversation. Close it, or use it in `with`."""

    def __init__(self, session: Any) -> None:
        self._session = session

    @classmethod
    def open(cls, project: str) -> Client:
        """Raises ProviderError without usable credentials."""
        try:
            from google.auth.transport.requests import AuthorizedSession
        except ImportError as error:
            raise _not_installed(error) from error
        session: Any = AuthorizedSession  # google-auth has no types
        return cls(session(credentials(project)))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self._session.close()

    def call(self, method: str, service: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        """The answer as JSON. Raises ProviderError or DeployError that says what is wrong and what to do."""
        status, document = self._ask(method, service, path, body, query)
        if status >= 400:
            raise explained(status, document, f"{service}: {path.partition('?')[0]}")
        return document

    def find(self, service: str, path: str, **query: Any) -> dict[str, Any] | None:
        """GET; None when it is not there, or when its API is not enabled, so that nothing can be there."""
        status, document = self._ask("GET", service, path, None, query)
        if status == 404 or (status == 403 and "SERVICE_DISABLED" in str(document)):
            return None
        if status >= 400:
            raise explained(status, document, f"{service}: {path}")
        return document

    def pages(self, service: str, path: str, key: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every entry of a list, over all pages; nothing when its API is not enabled."""
        for _ in range(PAGES):
            page = self.find(service, path, **query) or {}
            yield from page.get(key) or ()
            token = page.get("nextPageToken", "")
            if not token:
                return
            query = {**query, "pageToken": token}

    def token(self) -> str:
        """The access token, fresh."""
        credentials = self._session.credentials
        if not credentials.valid:
            refresh(credentials)
        return str(credentials.token)

    def _ask(self, method: str, service: str, path: str, body: Any, query: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        url = base_url(service) + path.lstrip("/") + (f"?{urlencode(query, doseq=True)}" if query else "")
        try:
            import requests
            from google.auth.exceptions import GoogleAuthError
        except ImportError as error:
            raise _not_installed(error) from error
        try:
            answer = self._session.request(method, url, json=body, timeout=TIMEOUT_S)
        except GoogleAuthError as error:
            raise denied(error) from error
        except requests.RequestException as error:
            raise DeployError(
                f"Google Cloud does not answer: {error}", "look at the network and run the command again"
            ) from error
        return answer.status_code, _document(answer)


def base_url(service: str) -> str:
    """Where a service's API is, with a slash at its end."""
    override = os.environ.get(f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{service.upper()}", "")
    return f"{(override or f'https://{service}.googleapis.com').rstrip('/')}/"


def credentials(project: str) -> Any:
    """Application default credentials. A person's own are billed to `project`. Raises ProviderError when there are none."""
    found, _ = _default()
    from google.oauth2.credentials import Credentials

    if isinstance(found, Credentials) and project and not found.quota_project_id:
        return found.with_quota_project(project)
    return found


def _default() -> tuple[Any, str]:
    """What google-auth finds: credentials, and the project that goes with them."""
    try:
        import google.auth
        from google.auth.exceptions import GoogleAuthError
    except ImportError as error:
        raise _not_installed(error) from error
    try:
        with warnings.catch_warnings():  # google-auth warns of a person's credentials without a quota project; we set one
            warnings.simplefilter("ignore", UserWarning)
            found, project = google.auth.default(scopes=SCOPES)
    except GoogleAuthError as error:
        raise denied(error) from error
    return found, project or ""


def default_project() -> str:
    """The project that this machine's settings name, "" when they name none. Raises ProviderError without credentials."""
    return _default()[1]


def refresh(found: Any) -> None:
    """Make the credentials valid. Raises ProviderError when Google refuses."""
    import requests
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request

    session = requests.Session()
    try:
        found.refresh(Request(session=session))
    except GoogleAuthError as error:
        raise denied(error) from error
    finally:
        session.close()


def denied(error: Exception) -> MldeployError:
    """google-auth's words as cause and fix."""
    return _cause_in(str(error)) or ProviderError(f"Google Cloud refuses the credentials: {error}", LOGIN)


def explained(status: int, document: Mapping[str, Any], what: str) -> MldeployError:
    """An error answer as cause and fix."""
    error = document.get("error")
    told = error if isinstance(error, Mapping) else {"message": str(error or "no reason given")}
    words = f"Error {status}: {told.get('message', '')} {told.get('status', '')} {told.get('details', '')}"
    found = _cause_in(words)
    if found is not None:
        return type(found)(f"{found.message} ({what})", found.hint)
    return DeployError(f"Google Cloud answers {status} to {what}: {told.get('message', '')}", "the message says what it wants")


def _cause_in(words: str) -> MldeployError | None:
    """The first row of the table that fits."""
    for cause in CAUSES:
        found = re.search(cause.pattern, words, re.IGNORECASE)
        if found is not None:
            groups = found.groupdict()
            kind: type[MldeployError] = getattr(errors, cause.error)
            return kind(cause.cause.format_map(groups), cause.fix.format_map(groups))
    return None


def _document(answer: Answer) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        return {"error": {"message": "the answer is not JSON"}} if answer.status_code >= 400 else {}
    return document if isinstance(document, dict) else {}


def _not_installed(error: ImportError) -> ProviderError:
    return ProviderError(f"gcp needs google-auth, which is not installed: {error}", "pip install 'mldeploy[gcp]'")
