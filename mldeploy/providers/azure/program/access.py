"""Who may call: the words for it (the plan uses them too), and Entra sign-in as Container Apps and App Service take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]


def visibility(document: Document) -> str:
    """One line for a person; it begins with PUBLIC where anyone may call."""
    if document["access"] == "public":
        return "PUBLIC: anyone may call it"
    if document["access"] == "key":
        return "callers need a function key" if document["plan"] == "premium" else "callers need the key"
    if document["private"] == "key":
        return "private: callers need a key that only an Azure sign-in with the right role can read"
    if document["private"] == "entra":
        return f"private: Entra sign-in, tenant {document['tenant']}"
    if document["plan"] == "premium":
        return "private: no public network; only a private endpoint reaches it"
    return "private: internal; only the network of its subnet reaches it"


def sign_in(document: Document, open_paths: Sequence[str]) -> dict[str, Any]:
    """Tokens of this tenant for this application, or 401. No secret: callers bring tokens, nobody is redirected."""
    client_id, tenant = document["client_id"], document["tenant"]
    return {
        "global_validation": {"unauthenticated_client_action": "Return401", "excluded_paths": list(open_paths)},
        "identity_providers": {
            "azure_active_directory": {
                "enabled": True,
                "registration": {
                    "client_id": client_id,
                    "open_id_issuer": f"https://login.microsoftonline.com/{tenant}/v2.0",
                },
                "validation": {"allowed_audiences": [client_id, f"api://{client_id}"]},
            }
        },
    }
