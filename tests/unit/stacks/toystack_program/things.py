"""A resource of the toy cloud, of any kind; its properties are what it is given."""

from collections.abc import Mapping
from typing import Any

import pulumi


class Thing(pulumi.CustomResource):
    url: pulumi.Output[str]

    def __init__(
        self, kind: str, name: str, properties: Mapping[str, Any], options: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(f"toystack:index:{kind}", name, {**properties, "url": None}, options)
