"""Settings that several clouds offer under the same names, so that a spec reads alike everywhere. Each takes those it has."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mldeploy.spec.model import Section


class ObjectTrigger(Section):
    """Every new object is a request; the answer is written as `<results_prefix><key>.json`."""

    bucket: str = Field(min_length=3, description="bucket (Azure: container) whose new objects are predicted; it must exist")
    prefix: str = Field(default="", description="only objects whose key begins with this")
    suffix: str = Field(default="", description="only objects whose key ends with this: .jpg")
    results_bucket: str | None = Field(default=None, description="where answers are written; default: the same bucket")
    results_prefix: str = Field(default="results/", min_length=1, description="put before the key of an answer")


class Schedule(Section):
    """A request at fixed times."""

    cron: str = Field(pattern=r"^\S+ \S+ \S+ \S+ \S+$", description='five fields, as in crontab: "0 6 * * *"')
    timezone: str = Field(default="UTC", description="IANA name: Europe/Berlin")
    inputs: Any = Field(description='the value of "inputs" in POST /predict')


class Alarms(Section):
    """When to say that something is wrong."""

    email: str | None = Field(default=None, description="who is told; left out: the alarm only shows in the cloud's console")
    errors: int | None = Field(default=1, ge=1, description="failed requests within five minutes; null: no such alarm")
    throttles: int | None = Field(default=1, ge=1, description="refused for lack of capacity within five minutes; null: none")
    p95_ms: float | None = Field(default=None, gt=0, description="95th percentile of latency over five minutes, ms")


class Budget(Section):
    """A sum that is watched; nothing is stopped when it is reached."""

    monthly_usd: float = Field(gt=0, description="USD a month for everything with this deployment's tags")
    email: str = Field(description="who is told at 80 % and at 100 %")
