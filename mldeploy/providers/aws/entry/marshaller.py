"""Events and answers as JSON with the runtime's own JSON library, in place of the runtime client's slower one.

The runtime client provides for that: `BaseLambdaRuntimeClient.marshaller` "allows for function authors to override the default
implementation". What orjson does not take (NaN, lone surrogates) and every error is left to the default. An integer past 64
bits becomes a float, as it does in a body over HTTP.
"""

from __future__ import annotations

import sys
from typing import Any

from mldeploy.handlers import fast_json

_JSON = "application/json"
_CLIENT = "awslambdaric.lambda_runtime_client"


class Marshaller:
    """`stock` is the runtime client's own."""

    def __init__(self, stock: Any) -> None:
        orjson = fast_json.load()
        self._loads = orjson.loads
        self._dumps = orjson.dumps
        self._stock = stock

    def unmarshal_request(self, request: Any, content_type: str = _JSON) -> Any:
        """The event."""
        if content_type == _JSON:
            try:
                return self._loads(request)
            except ValueError:
                pass
        return self._stock.unmarshal_request(request, content_type)

    def marshal_response(self, response: Any) -> tuple[Any, str]:
        """The answer's bytes and type."""
        try:
            return self._dumps(response), _JSON
        except TypeError:
            return self._stock.marshal_response(response)  # type: ignore[no-any-return]


def install() -> None:
    """Give it to the runtime client, where that is what runs this process and still has its default."""
    client = getattr(sys.modules.get(_CLIENT), "BaseLambdaRuntimeClient", None)
    stock = getattr(client, "marshaller", None)
    if stock is not None and not isinstance(stock, Marshaller):
        client.marshaller = Marshaller(stock)  # type: ignore[union-attr]
