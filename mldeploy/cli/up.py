"""`mldeploy up`: from the spec to an answering URL, and what to type next."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mldeploy.cli import target as targets
from mldeploy.cli.sample_request import choose, curl
from mldeploy.cli.session import Session
from mldeploy.cli.terminal import Terminal
from mldeploy.cli.verb import verb

if TYPE_CHECKING:
    from mldeploy.providers.contract import Outputs
    from mldeploy.spec.loaded import LoadedSpec


@verb(
    "up",
    click.Option(["--take-over"], is_flag=True, help="Go on although another project deployed under this name and stage."),
)
def command(session: Session, take_over: bool) -> None:
    """Deploy: pack, start, smoke-test, switch over.

    Safe to repeat: nothing changed means nothing is done. With a new model the new release is started and smoke-tested beside
    the old one, which stops only after the switch; if the smoke test fails, the old one keeps serving (exit code 5).
    """
    from mldeploy import deploy

    loaded = targets.load(session)
    target = targets.Target(loaded.spec.name, loaded.stage, session.settings.cloud_or_default, loaded)
    session.after_interrupt = lambda: targets.standing(target)
    if take_over:
        os.environ["MLDEPLOY_TAKE_OVER"] = "1"
    _show_cost(session, loaded, target.cloud)
    outputs = deploy.up(loaded, target.cloud, session.report)
    endpoint = target.driver.endpoint()
    is_plain = endpoint is not None and endpoint.sign is None and endpoint.send is None
    session.result(asdict(outputs), _lines(session, loaded, outputs, is_plain=is_plain))


def _show_cost(session: Session, loaded: LoadedSpec, cloud: str) -> None:
    """What a month costs at least, before anything is made."""
    from mldeploy import deploy
    from mldeploy.cli.cost_standing import standing
    from mldeploy.cost.contract import Priced
    from mldeploy.progress import SilentReporter
    from mldeploy.providers import registry

    provider: object = registry.get(cloud)
    if not isinstance(provider, Priced):
        return
    cost = standing(deploy.preview(loaded, cloud, SilentReporter()), loaded)
    for line in cost.lines() if cost is not None else ():
        session.report.write(line)


def shown_visibility(text: str, terminal: Terminal) -> str:
    """A public URL must not be overlooked."""
    return terminal.style(text, "red", "bold") if "public" in text.lower() else text


def _lines(session: Session, loaded: LoadedSpec, outputs: Outputs, *, is_plain: bool) -> Iterator[str]:
    """`is_plain`: any HTTP client can call it; one that is signed for is left to `invoke`."""
    call = session.settings.call
    state = "is up" if outputs.changed else "is up, nothing changed"
    visibility = shown_visibility(outputs.visibility, session.out)
    yield f"{session.out.style(f'{outputs.name} {state}', 'green', 'bold')}   {outputs.url}   ({visibility})"
    if session.settings.verbosity < 0:
        return
    sample = choose(loaded)
    yield ""
    key = f"$({call('outputs --key')})" if loaded.spec.access == "key" else ""
    if is_plain:
        yield f"  {curl(outputs.url, sample, key)}"
    logs = call("logs -f").replace(" -f -f ", " -f --file ")  # after `logs`, -f means --follow
    yield f"  {call('invoke')} {sample.argument} · {logs} · {call('destroy')}"
