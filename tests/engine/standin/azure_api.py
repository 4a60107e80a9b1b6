"""STAND-IN for the Azure REST endpoints that mldeploy's own client asks: tokens, secrets, logs, what is left."""

from __future__ import annotations

import secrets
import time
from typing import Any

from standin.personality import World
from standin.web import Answer, Asked, Routes


class AzureApi:
    """Routes over one world."""

    def __init__(self, world: World, cloud: Any) -> None:
        self._world = world
        self._cloud = cloud

    def route(self, routes: Routes) -> None:
        """Add them."""
        routes.add("GET", "/msi/token", self._token)
        routes.add("GET", r"/subscriptions/(?P<subscription>[^/]+)", self._subscription)

    def _token(self, asked: Asked) -> Answer:
        """The managed identity of an App Service: how the real azure-identity gets a token without the internet."""
        token = f"e30.e30.{secrets.token_hex(8)}"
        self._world.tokens[token] = asked.query.get("resource", "")
        return Answer(
            {
                "access_token": token,
                "expires_on": str(int(time.time()) + 3600),
                "resource": asked.query.get("resource", ""),
                "token_type": "Bearer",
            }
        )

    def _subscription(self, asked: Asked) -> Answer:
        scope = self._world.store.scope
        if asked.found["subscription"] != scope.subscription:
            return Answer({"error": {"code": "SubscriptionNotFound", "message": "The subscription could not be found."}}, 404)
        return Answer(
            {"subscriptionId": scope.subscription, "tenantId": scope.tenant, "state": "Enabled", "displayName": "test"}
        )
