"""The deployments that have a record: a history to show, drift to find, a lock to remove. Who keeps none is told so here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mldeploy.cli.exits import UsageError
from mldeploy.cli.target import Target

if TYPE_CHECKING:
    from mldeploy.providers.contract import Stacked


def stacked(target: Target, verb: str) -> Stacked:
    """The driver of `target` with its record. Raises UsageError where the provider keeps none."""
    from mldeploy.providers.contract import Stacked

    driver = target.driver
    if isinstance(driver, Stacked):
        return driver
    raise UsageError(
        f"{target.cloud} keeps no record for `{verb}` to work on",
        "choose a --cloud that does: `mldeploy doctor` lists them all",
    )
