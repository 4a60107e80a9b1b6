"""The workload and the time of a request: from flags, else the spec, else a measurement. What nobody says is asked for.

--requests, --curve, … ─ over ─ spec.workload ──────────────────────────────▶ Workload
--from-live │ --duration-ms │ spec.workload.duration_ms │ bench --sweep ───▶ Timings      (the first that there is)
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from mldeploy.cli.cost_flags import Asked
from mldeploy.cli.exits import UsageError
from mldeploy.cli.session import Session
from mldeploy.cost.timing import Given, Measured, Timings
from mldeploy.cost.values import HOURS_PER_MONTH
from mldeploy.cost.workload import Workload

if TYPE_CHECKING:
    from mldeploy.bench.live import Live
    from mldeploy.spec.loaded import LoadedSpec

_LIVE_SINCE_S = 7 * 86_400.0
_HOURS_PER_DAY = 24


def gather(session: Session, asked: Asked, loaded: LoadedSpec | None) -> tuple[Workload, Timings]:
    """Raises UsageError that says what is missing and how to give it."""
    live_timings: Timings | None = None
    base = None if loaded is None else written(loaded)
    if asked.from_live:
        base, live_timings = _live(session, asked, loaded, base)
    workload = with_flags(asked, base)
    return workload, live_timings or timings(asked, workload, loaded)


def written(loaded: LoadedSpec) -> Workload | None:
    """The spec's `workload:`; None where it says nothing of requests."""
    from mldeploy.cost import curve

    return curve.workload_of(loaded)


def with_flags(asked: Asked, base: Workload | None) -> Workload:
    """`base` with what the command line says instead."""
    from mldeploy.cost import curve

    if base is None:
        if asked.requests is None:
            raise UsageError("how many requests a month?", "give --requests 3M (or 40/s), or `workload.requests` in the spec")
        base = Workload(asked.requests)
    given = {
        "requests": asked.requests,
        "shape": curve.parse(asked.curve) if asked.curve is not None else None,
        "duration_ms": asked.duration_ms,
        "cpu_ms": asked.cpu_ms,
        "bytes_in": asked.bytes_in,
        "bytes_out": asked.bytes_out,
        "cold_share": asked.cold_share,
        "log_bytes": asked.log_bytes,
    }
    return replace(base, **{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]


def timings(asked: Asked, workload: Workload, loaded: LoadedSpec | None) -> Timings:
    if workload.duration_ms is not None:
        if workload.cpu_ms is not None and workload.cpu_ms > workload.duration_ms:
            raise UsageError(
                f"{workload.cpu_ms:g} ms of processor time do not fit into a request of {workload.duration_ms:g} ms",
                "--cpu-ms is at most --duration-ms",
            )
        return Given(workload.duration_ms, workload.cpu_ms, asked.start_ms or 0.0)
    if loaded is not None:
        from mldeploy import bundle, state
        from mldeploy.cost import measurements

        sweep = measurements.find(bundle.identify(loaded, state.bundle_store()).fingerprint)
        if sweep is not None:
            return Measured(sweep)
        raise UsageError(
            "how long does a request take? This model was not measured yet",
            "mldeploy bench --sweep measures it; or give --duration-ms, or `workload.duration_ms` in the spec",
        )
    raise UsageError(
        "how long does a request take?", "give --duration-ms 40, or a spec whose model was measured: mldeploy bench --sweep"
    )


def _live(session: Session, asked: Asked, loaded: LoadedSpec | None, base: Workload | None) -> tuple[Workload, Timings]:
    """What the deployment's own log says. Raises UsageError where it is not clear whose."""
    from mldeploy import deploy
    from mldeploy.bench import live
    from mldeploy.cli.cost_market import priced

    clouds = priced(session)
    if loaded is None or len(clouds) != 1:
        raise UsageError("--from-live needs a spec and one cloud", "say which deployment: --cloud NAME")
    if asked.duration_ms is not None:
        raise UsageError("--from-live and --duration-ms both say how long a request takes", "give one of the two")
    ((name, provider),) = clouds.items()
    with session.report.step("live", "reading the log") as step:
        seen = live.read(deploy.driver(loaded.spec.name, loaded.stage, name, loaded), _LIVE_SINCE_S)
        step.done(f"{seen.requests:,} requests · {seen.timing.mean_ms:,.0f} ms · {seen.per_hour:,.3g} an hour")
    option = provider.option(provider.product_of(loaded), loaded, None)
    sweep = live.as_sweep(seen, option, "live", loaded.spec.name)
    return _observed(seen, base), Measured(sweep)


def _observed(seen: Live, base: Workload | None) -> Workload:
    """The traffic that was seen, over what the spec says; its hours only where a whole day was seen."""
    workload = replace(
        base or Workload(Decimal(1)),
        requests=Decimal(str(round(seen.per_hour * HOURS_PER_MONTH, 3))),
        duration_ms=None,
        cpu_ms=None,
        bytes_in=round(seen.bytes_in),
        bytes_out=round(seen.bytes_out),
        cold_share=seen.cold_share,
    )
    if seen.requests / seen.per_hour < _HOURS_PER_DAY:
        return workload
    from mldeploy.cost import curve

    return replace(workload, shape=curve.parse([float(count) for count in seen.hours]))
