"""`clouds.local`: the few settings that only this provider has. The host is always 127.0.0.1 and not a setting."""

from __future__ import annotations

from pydantic import Field

from mldeploy.spec.model import Section


class LocalSettings(Section):
    """Serving on this machine. What is left out is decided by the plan and shown by `mldeploy preview`."""

    port: int | None = Field(
        default=None, ge=1, le=65535, description="default: the first free one from 8080 on, kept over later ups"
    )
    max_body_mb: float = Field(default=6.0, gt=0, le=1024, strict=False, description="largest request body, MiB")
    start_timeout_s: float = Field(
        default=60.0, gt=0, le=3600, strict=False, description="a new release must be ready within this"
    )
    crash_loop_after: int = Field(
        default=5, ge=1, le=100, description="so many crashes in a row and the deployment counts as failing"
    )
