"""Where images are pushed and secrets kept."""

from collections.abc import Mapping
from typing import Any

import pulumi

from toystack_program.things import Thing


def registry(document: Mapping[str, Any]) -> None:
    if document.get("program_error"):
        raise ValueError("the program stumbled")
    repository = Thing("Repository", "repository", {"name": document["repository"], "keep": document.get("keep", 3)})
    store = Thing(
        "SecretStore",
        "secrets",
        {"name": f"{document['repository']}-secrets", "key": pulumi.Output.secret("a-secret-input")},
        pulumi.ResourceOptions(depends_on=[repository]),
    )
    pulumi.export("repository", repository.url.apply(lambda url: url.removeprefix("toy://") + ".registry.test/digits"))
    pulumi.export("store", store.url)
