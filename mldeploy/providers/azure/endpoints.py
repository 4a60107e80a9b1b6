"""How to call a deployment: its address and what a caller on this machine must send with it.

key        container app: x-api-key from the key vault · premium: x-functions-key from the function app
private    key: as above, the caller's own sign-in reads it · entra: a token · internal: being inside is enough
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from mldeploy.errors import ProviderError
from mldeploy.providers.azure.client import AzureClient
from mldeploy.providers.contract import Call, Endpoint

SITES_API = "2023-12-01"
KEY_NAME = "default"


def endpoint(
    client: AzureClient,
    document: Mapping[str, Any],
    outputs: Mapping[str, Any],
    read_key: Callable[[], str],
    *,
    is_candidate: bool,
) -> Endpoint:
    """What serves, or the release that has no traffic yet. Keys and tokens are asked for with the first call."""
    url = str(outputs["candidate_url"] if is_candidate and "candidate_url" in outputs else outputs["url"])
    return Endpoint(url, visibility=str(outputs["visibility"]), sign=_sign(client, document, outputs, read_key))


def _sign(
    client: AzureClient, document: Mapping[str, Any], outputs: Mapping[str, Any], read_key: Callable[[], str]
) -> Callable[[Call], Mapping[str, str]] | None:
    is_keyed = document["access"] == "key" or (document["access"] == "private" and document["private"] == "key")
    if is_keyed and document["plan"] == "premium":
        key = cache(lambda: function_key(client, document, str(outputs["app"])))
        return lambda call: {"x-functions-key": key()}
    if is_keyed:
        kept = cache(read_key)
        return lambda call: {"x-api-key": kept()}
    if document["access"] == "private" and document["private"] == "entra":
        scope = f"api://{document['client_id']}/.default"
        return lambda call: {"authorization": f"Bearer {client.tokens.get(scope)}"}
    return None


def function_key(client: AzureClient, document: Mapping[str, Any], app: str) -> str:
    """The app's default key: it opens every function and nothing of the host's administration. Raises ProviderError."""
    group = f"/subscriptions/{document['subscription']}/resourceGroups/{document['names']['group']}"
    answer = client.act("POST", f"{group}/providers/Microsoft.Web/sites/{app}/host/default/listkeys", SITES_API)
    keys = answer.json().get("functionKeys") or {} if answer is not None else {}
    key = keys.get(KEY_NAME) or next(iter(keys.values()), "")
    if not key:
        raise ProviderError(f"the function app {app} has no key yet", "its host has not started; look at `mldeploy logs`")
    return str(key)
