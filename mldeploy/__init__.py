"""mldeploy: one model spec, any serverless cloud.

The package's top level holds the product's parts (see docs/adr/0001-layout.md). This module imports nothing, because the
runtime island `mldeploy.handlers` is imported through it on every cold start.
"""

__version__ = "0.1.0"
