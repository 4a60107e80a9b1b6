"""`mldeploy completion`: the script that a shell sources, and the answers to what it asks (cloud and stage names)."""

from __future__ import annotations

from pathlib import Path

import click

from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb

SHELLS = ("bash", "zsh", "fish")
_LARGEST_SPEC_BYTES = 1_000_000


def clouds() -> tuple[str, ...]:
    """Every provider that is installed."""
    from mldeploy.providers import registry

    return registry.names()


def stages(file: Path | None) -> tuple[str, ...]:
    """The stages of the spec at hand, "dev" first. Completion never fails: a spec that cannot be read has no others."""
    import yaml

    from mldeploy import spec
    from mldeploy.cli.globals import DEFAULT_STAGE
    from mldeploy.errors import MldeployError

    try:
        path = file or spec.find(Path.cwd())
        if path.stat().st_size > _LARGEST_SPEC_BYTES:
            return (DEFAULT_STAGE,)
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        declared = document["stages"] if isinstance(document, dict) else {}
        return tuple(dict.fromkeys((DEFAULT_STAGE, *map(str, declared))))
    except (MldeployError, OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return (DEFAULT_STAGE,)


@verb("completion", click.Argument(["shell"], type=click.Choice(SHELLS)))
def command(session: Session, shell: str) -> None:
    """Print a shell completion script.

    \b
      bash   eval "$(mldeploy completion bash)"          in ~/.bashrc
      zsh    eval "$(mldeploy completion zsh)"           in ~/.zshrc
      fish   mldeploy completion fish > ~/.config/fish/completions/mldeploy.fish

    Commands, options, clouds and the stages of the spec at hand are completed.
    """
    from click.shell_completion import get_completion_class

    from mldeploy.cli.program import COMPLETE_VARIABLE, program

    kind = get_completion_class(shell)
    script = kind(program(), {}, "mldeploy", COMPLETE_VARIABLE).source() if kind else ""
    session.result({"shell": shell, "script": script}, [script])
