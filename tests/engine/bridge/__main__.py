"""`python -m bridge`: the plugin process. TF_PROVIDER_BINARY names the Terraform provider."""

from __future__ import annotations

import os

from plugin.serving import serve

from bridge.servicer import BridgeServicer
from bridge.terraform import TerraformProvider

if __name__ == "__main__":
    provider = TerraformProvider(os.environ["TF_PROVIDER_BINARY"])
    serve(BridgeServicer(provider), provider.close)
