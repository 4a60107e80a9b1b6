"""A registry's HTTP API, as far as it is asked here: which manifest does a tag have? No Docker needed.

    GET /v2/<path>/manifests/<tag> ─ 401 ─▶ Basic, or a token from the realm that the challenge names ─▶ digest, media type

OCI distribution spec 1.1. Plain HTTP is used on this machine's own addresses only (127.0.0.0/8, localhost), as Docker does.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from dataclasses import dataclass
from http.client import HTTPException

from mldeploy.errors import DeployError, ProviderError
from mldeploy.image.contract import Destination

TIMEOUT_S = 30.0
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Manifest:
    """What a tag stands for: the digest that names it for good, its media type, and its layers' digests."""

    digest: str
    media_type: str
    layers: tuple[str, ...]


def split(repository: str) -> tuple[str, str]:
    """ "host:port/path" -> ("host:port", "path"); a name without a host is one on Docker Hub."""
    first, slash, rest = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "registry-1.docker.io", repository if slash else f"library/{repository}"


def is_local(host: str) -> bool:
    """Whether a registry is on this machine, where plain HTTP is fine."""
    name = host.rpartition(":")[0] or host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def manifest(destination: Destination, tag: str) -> Manifest | None:
    """The manifest of a tag; None when there is no such tag or repository. Raises ProviderError (refused) or DeployError."""
    host, path = split(destination.repository)
    scheme = "http" if is_local(host) else "https"
    url = f"{scheme}://{host}/v2/{path}/manifests/{urllib.parse.quote(tag)}"
    status, headers, body = _get(url, host, {})
    if status == 401:
        authorization = _authorization(destination, path, headers.get("www-authenticate", ""), host)
        status, headers, body = _get(url, host, {"authorization": authorization})
    if status == 404:
        return None
    if status in (401, 403):
        raise refused(destination, f"{status} {_reason(body)}")
    if status != 200:
        raise DeployError(
            f"{host} answers {status} when asked for {path}:{tag}: {_reason(body)}", "try again; then look at its status"
        )
    found = json.loads(body)
    media_type = str(found.get("mediaType") or headers.get("content-type", "").partition(";")[0])
    return Manifest(
        f"sha256:{hashlib.sha256(body).hexdigest()}", media_type, tuple(row["digest"] for row in found.get("layers", ()))
    )


def refused(destination: Destination, reason: str) -> ProviderError:
    """The registry does not let us in."""
    host, path = split(destination.repository)
    who = f"as {destination.username}" if destination.username else "without a login"
    return ProviderError(
        f"{host} refuses access to {path} {who}: {reason}".rstrip(": "),
        "look at the credentials of this cloud and at the right to pull from and push to that repository",
    )


def _authorization(destination: Destination, path: str, challenge: str, host: str) -> str:
    kind, _, rest = challenge.partition(" ")
    basic = "Basic " + b64encode(f"{destination.username}:{destination.password}".encode()).decode("ascii")
    if kind.lower() != "bearer":
        if not destination.username:
            raise refused(destination, "it wants a login")
        return basic
    fields = dict(_CHALLENGE.findall(rest))
    realm = fields.get("realm", "")
    if not realm.startswith("https://") and not (realm.startswith("http://") and is_local(host)):
        raise DeployError(
            f"{host} names {realm!r} for tokens, which is not https", "credentials are not sent there; look at the registry"
        )
    wanted = {"scope": f"repository:{path}:pull", **({"service": fields["service"]} if "service" in fields else {})}
    headers = {"authorization": basic} if destination.username else {}
    status, _, body = _get(f"{realm}{'&' if '?' in realm else '?'}{urllib.parse.urlencode(wanted)}", host, headers)
    if status != 200:
        raise refused(destination, f"no token: {status} {_reason(body)}")
    document = json.loads(body)
    return f"Bearer {document.get('token') or document.get('access_token')}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry nothing of ours to another host: it is an answer that is not understood."""

    def redirect_request(self, *_: object) -> None:
        return None


def _get(url: str, host: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (lower case) and body; any status is an answer. Raises DeployError when none comes."""
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if is_local(host):
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers={"accept": ", ".join(MANIFESTS), **headers})  # noqa: S310 - http(s) by construction
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT_S) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DeployError(
            f"the registry {host} does not answer: {reason}", "look at the network and the proxy; then run again"
        ) from error


def _reason(body: bytes) -> str:
    """A registry's own words."""
    try:
        first = json.loads(body)["errors"][0]
        return str(first.get("message") or first.get("code"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return body[:200].decode(errors="replace").strip()
