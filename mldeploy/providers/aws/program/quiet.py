"""The SDK's packages that warn, while they are imported, of names of their own that nobody here uses."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from pulumi_aws.lambda_ import Alias, Function, FunctionUrl, Permission, ProvisionedConcurrencyConfig
    from pulumi_aws.s3 import BucketNotification

__all__ = ["Alias", "BucketNotification", "Function", "FunctionUrl", "Permission", "ProvisionedConcurrencyConfig"]
