"""Which stages on which clouds the workflows deploy, and how their jobs sign in there.

    stages of the spec × (--cloud A,B, or the clouds that it has a block for) ─▶ Pipeline

State on one machine, or behind a long-lived token, is refused here: a job has neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mldeploy.cli.exits import UsageError
from mldeploy.cli.globals import DEFAULT_STAGE, Settings

if TYPE_CHECKING:
    from mldeploy.ci.contract import Keyless
    from mldeploy.ci.pipeline import Pipeline, Target
    from mldeploy.spec.loaded import LoadedSpec

LIKE_A_PULL_REQUEST = "preview"  # the stage that pull requests copy; no branch deploys it
SKLEARN_SUFFIXES = (".skops", ".joblib", ".pkl")


def pipeline_of(
    settings: Settings,
    loaded: LoadedSpec,
    file: Path,
    *,
    install: str | None,
    on_main: str | None,
    on_tag: str | None,
    branch: str,
    tags: str,
    runner: str,
) -> Pipeline:
    """Raises UsageError and SpecError for what cannot be deployed from a workflow."""
    from mldeploy import deploy
    from mldeploy.ci.pipeline import Pipeline

    path = loaded.root / file.name
    declared = [each for each in loaded.spec.stages if each not in (DEFAULT_STAGE, LIKE_A_PULL_REQUEST)]
    main = on_main or (declared[0] if len(declared) > 1 else DEFAULT_STAGE)
    tag = on_tag or (declared[-1] if declared else DEFAULT_STAGE)
    names = tuple(dict.fromkeys((main, *declared, tag)))
    chosen = _clouds(settings, loaded)
    by_stage = {stage: deploy.load_spec(path, stage) for stage in names}
    targets = tuple(_target(cloud, by_stage[stage], install) for stage in names for cloud in chosen)
    return Pipeline(
        model=loaded.spec.name,
        file=file.as_posix(),
        targets=targets,
        on_main=main,
        on_tag=tag,
        install=_install(loaded, install),
        branch=branch,
        tags=tags,
        runner=runner,
        is_served_on_runner=not by_stage[main].spec.secrets,
    )


def _clouds(settings: Settings, loaded: LoadedSpec) -> tuple[Keyless, ...]:
    from mldeploy.ci.contract import Keyless
    from mldeploy.providers import registry

    named = settings.cloud.split(",") if settings.cloud else []
    found = []
    for name in dict.fromkeys(each.strip() for each in named or sorted(loaded.spec.clouds)):
        provider: object = registry.get(name)
        if isinstance(provider, Keyless):
            found.append(provider)
        elif named:
            raise UsageError(f"{name} has no sign-in from a workflow", "choose a --cloud that deploys to an account")
    if not found:
        raise UsageError(f"{loaded.file} names no cloud to deploy to", "choose: --cloud NAME, or several: --cloud NAME,NAME")
    return tuple(found)


def _target(cloud: Keyless, loaded: LoadedSpec, install: str | None) -> Target:
    from mldeploy.ci.pipeline import Target

    backend, key = loaded.spec.state.backend or "", loaded.spec.state.secrets_provider or ""
    if backend.startswith("file:"):
        raise UsageError(
            f"stage {loaded.stage} keeps its state at {backend}, which ends with the job",
            "name a bucket in state.backend, or leave it out: the workflow then reads it from a GitHub variable",
        )
    if backend.startswith("https:"):
        raise UsageError(
            f"stage {loaded.stage} keeps its state at {backend}, which needs a long-lived token",
            "name a bucket in state.backend: s3://…, gs://…, azblob://…",
        )
    if key == "passphrase":
        raise UsageError(
            f"stage {loaded.stage} encrypts with a passphrase, which is a long-lived secret",
            "name a key of a key service in state.secrets_provider, or leave it out: a GitHub variable then says which",
        )
    wanted = _install(loaded, install, cloud.name)
    named = tuple(sorted({ref.removeprefix("env:") for ref in loaded.spec.secrets.values() if ref and ref.startswith("env:")}))
    return Target(cloud.name, cloud.title, loaded.stage, cloud.login(loaded), wanted, backend, key, named)


def _install(loaded: LoadedSpec, install: str | None, *clouds: str) -> str:
    """`install` where it is given; else this version, with what the cloud and the model's format need."""
    from mldeploy import __version__

    if install is not None:
        return install
    model = loaded.spec.model.path or ""
    extras = [*clouds, *(["sklearn"] if str(model).endswith(SKLEARN_SUFFIXES) else [])]
    return f"mldeploy[{','.join(extras)}]=={__version__}" if extras else f"mldeploy=={__version__}"
