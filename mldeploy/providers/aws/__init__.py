"""Provider `aws`: the model in a container image, run by AWS Lambda. Docs: docs/aws.md.

    spec ─plan─▶ Plan{recipe, document} ─▶ stacks.driver ─▶ cloud.AwsCloud ─▶ program/ (Pulumi), botocore
                                                            entry/ ships in the image

`provider` is imported when it is asked for, so that neither an SDK nor pydantic is paid for by who only looks at the name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mldeploy.providers.aws.provider import provider as provider


def __getattr__(name: str) -> Any:
    if name != "provider":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    # import_module binds the submodule to this very name; the object replaces it.
    globals()["provider"] = import_module(f"{__name__}.provider").provider
    return globals()["provider"]
