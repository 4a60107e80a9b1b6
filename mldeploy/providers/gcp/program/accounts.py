"""Who is who: the service accounts by the names that Google gives them. They are the same in both stacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]


def account_email(account: str, project: str) -> str:
    """The address that Google gives an account. A project may belong to a domain ("example.com:p")."""
    domain, _, plain = project.rpartition(":")
    return f"{account}@{f'{plain}.{domain}' if domain else plain}.iam.gserviceaccount.com"


def email(document: Document, role: str) -> str:
    """The address of the account of this role: runtime, caller, builder."""
    return account_email(document["accounts"][role], document["project"])


def member(document: Document, role: str) -> str:
    """The same account as IAM knows it."""
    return f"serviceAccount:{email(document, role)}"
