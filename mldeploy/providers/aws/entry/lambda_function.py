"""The Lambda function: `awslambdaric mldeploy.providers.aws.entry.lambda_function.handler`.

Importing this module is Lambda's INIT phase: secrets are fetched and the model is loaded, once for an environment. When that
fails the import fails, and Lambda reports an initialisation error with the reason.
"""

from __future__ import annotations

import os
from typing import Any

from mldeploy.providers.aws.entry.loading import load

RUNTIME = load(os.environ)

from mldeploy.providers.aws.entry import marshaller  # noqa: E402 - the model has the head start
from mldeploy.providers.aws.entry.dispatch import dispatch  # noqa: E402

marshaller.install()


def handler(event: Any, context: Any) -> Any:
    """Answer one event."""
    return dispatch(RUNTIME, event, context)
