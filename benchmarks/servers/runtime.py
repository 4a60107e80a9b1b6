"""The product's core, loaded as the product loads it, for the adapters beside this file."""

from __future__ import annotations

import os

from mldeploy.handlers.config import from_environ
from mldeploy.handlers.core import Runtime


def load(bundle: str) -> Runtime:
    runtime = Runtime(bundle, from_environ(os.environ))
    runtime.load()
    return runtime
