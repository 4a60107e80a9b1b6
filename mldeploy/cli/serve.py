"""`mldeploy serve`: the runtime in this terminal, until Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import click

from mldeploy.bench.runtime import RuntimeProcess
from mldeploy.cli import target as targets
from mldeploy.cli.sample_request import choose, curl
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb
from mldeploy.errors import DeployError


@verb(
    "serve",
    click.Option(
        ["-p", "--port"], type=click.IntRange(0, 65535), default=8080, metavar="N", help="0: any free one. Default: 8080."
    ),
    click.Option(["--host"], default="127.0.0.1", metavar="ADDRESS", help="Default: 127.0.0.1, this machine only."),
)
def command(session: Session, port: int, host: str) -> int:
    """Serve in this terminal until Ctrl-C.

    Packs the model and runs it with the settings of the plan, outside any deployment. The log goes to this terminal. Ctrl-C
    answers what is open and ends with exit code 0; a second one ends at once.
    """
    from mldeploy.cli.serving import prepare

    loaded = targets.load(session)
    serving = prepare(loaded, session.settings.cloud_or_default, session.report)
    session.after_interrupt = lambda: "the runtime was stopped; no deployment was touched"
    with serving.runtime(host=host, port=port) as runtime:
        with session.report.step("serve", f"pid {runtime.pid} · loading") as step:
            runtime.wait_ready()
            runtime.accept()
            step.done(f"pid {runtime.pid} · {host}:{runtime.port} · ready")
        is_private = host in ("127.0.0.1", "::1", "localhost")
        reach = "private: this machine only" if is_private else session.out.style("PUBLIC: the network", "red", "bold")
        lines = [
            f"{session.out.style(f'{loaded.spec.name} is serving', 'green', 'bold')}   {runtime.url}   ({reach})",
            "",
            f"  {curl(runtime.url, choose(loaded), serving.key)}",
        ]
        lines += ["  Ctrl-C stops it", ""]
        session.result({"name": loaded.spec.name, "stage": loaded.stage, "url": runtime.url, "pid": runtime.pid}, lines)
        return _until_interrupted(runtime, session)


def _until_interrupted(runtime: RuntimeProcess, session: Session) -> int:
    """Wait for the end. The terminal's Ctrl-C reaches the runtime as well; SIGTERM only this process, which passes it on."""
    with _terminable():
        try:
            code = runtime.wait()
        except KeyboardInterrupt:
            with session.report.step("drain", "answering what is open") as step:
                code = runtime.drain()
                step.done("stopped")
    if code:
        raise DeployError(f"the runtime ended with exit code {code}", "its last lines above say why")
    return 0


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends like Ctrl-C."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
