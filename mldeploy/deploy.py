"""The conductor: it reads like the picture of the product.

    mldeploy.yaml ─load_spec─▶ LoadedSpec ─validate─▶ ─pack─▶ Bundle ─provider.plan─▶ Plan ─driver.up─▶ Outputs

It decides the order and nothing else: each step belongs to the part that it names. Every function raises only the errors of
`mldeploy.errors`. Heavy parts are imported where they are used, so that importing this module is cheap.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mldeploy.errors import Problem, SpecError

if TYPE_CHECKING:
    from mldeploy.bundle.contract import Bundle
    from mldeploy.image.contract import BuiltImage
    from mldeploy.plan import Plan
    from mldeploy.progress import Reporter
    from mldeploy.providers.contract import Driver, Outputs, Preview
    from mldeploy.spec.loaded import LoadedSpec

DEFAULT_CLOUD = "local"


def load_spec(file: Path | None, stage: str | None) -> LoadedSpec:
    """Read the spec at `file` (None: search upward from the current folder) with `stage` applied (None: "dev")."""
    from mldeploy import spec
    from mldeploy.providers import registry

    path = file if file is not None else spec.find(Path.cwd())
    return spec.load(path, stage, settings_models=registry.settings_models())


def validate(loaded: LoadedSpec, cloud: str | None) -> tuple[Problem, ...]:
    """Everything that breaks a limit or rule of `cloud`, or of every cloud that the spec mentions when `cloud` is None."""
    from mldeploy import validate as rules
    from mldeploy.providers import registry

    clouds = [cloud] if cloud else sorted({DEFAULT_CLOUD, *loaded.spec.clouds})
    found = [problem for name in clouds for problem in rules.validate(loaded, registry.get(name))]
    return tuple(sorted(dict.fromkeys(found), key=lambda p: (p.file, p.line, p.column, p.path)))


def check(loaded: LoadedSpec, cloud: str) -> None:
    """Raise SpecError with every problem of `validate`; return silently when there is none."""
    problems = validate(loaded, cloud)
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise SpecError(f"{count}. Nothing was built or deployed.", problems=problems)


def pack(loaded: LoadedSpec, report: Reporter) -> Bundle:
    """The bundle of this spec's model, from the store when nothing changed."""
    from mldeploy import bundle, state

    with report.step("bundle", "packing") as step:
        packed = bundle.pack(loaded, state.bundle_store(), report)
        step.done(" · ".join(_bundle_facts(packed)))
    for warning in packed.warnings:
        report.warn(warning)
    return packed


def _bundle_facts(packed: Bundle) -> list[str]:
    facts = [packed.short, packed.format]
    if packed.facts.get("compiled"):
        facts.append(f"{packed.facts['compiled']} compiled into the graph")
    if "max_difference" in packed.facts:
        facts.append(f"parity {packed.facts['max_difference']:.0e}")
    if packed.is_cached:
        facts.append("unchanged")
    if not packed.is_packed:
        facts.append("not packed yet")
    return facts


def preview(loaded: LoadedSpec, cloud: str, report: Reporter) -> Plan:
    """What `up` would make exist. Reads the sources and touches nothing: what is not packed yet is only identified."""
    from mldeploy import bundle, state
    from mldeploy.providers import registry

    provider = registry.get(cloud)
    check(loaded, cloud)
    with report.step("bundle", "looking") as step:
        found = bundle.identify(loaded, state.bundle_store())
        step.done(" · ".join(_bundle_facts(found)))
    return provider.plan(loaded, found)


def changes(loaded: LoadedSpec, plan: Plan, report: Reporter, *, is_offline: bool) -> Preview | None:
    """What `up` would change in what is deployed; None where the provider keeps no record to compare with."""
    from mldeploy import bundle, state
    from mldeploy.providers import registry
    from mldeploy.providers.contract import Stacked

    chosen = registry.get(plan.provider).driver(plan.name, plan.stage, loaded)
    if not isinstance(chosen, Stacked):
        return None
    return chosen.preview(plan, bundle.identify(loaded, state.bundle_store()), loaded, report, is_offline=is_offline)


def build(loaded: LoadedSpec, cloud: str, report: Reporter) -> BuiltImage:
    """The image of `cloud`, built and checked, pushed nowhere. Raises SpecError where the cloud runs none."""
    from mldeploy import image
    from mldeploy.providers import registry

    provider = registry.get(cloud)
    check(loaded, cloud)
    bundle = pack(loaded, report)
    plan = provider.plan(loaded, bundle)
    if plan.image is None:
        raise SpecError(f"{cloud} runs no image for this spec", "choose a --cloud that does: `mldeploy doctor` lists them all")
    return image.build(plan, bundle, loaded, report)


def eject(loaded: LoadedSpec, cloud: str, folder: Path, report: Reporter) -> tuple[Path, ...]:
    """Write the deployment out as a plain program. Raises SpecError where the provider has none."""
    from mldeploy.providers import registry
    from mldeploy.providers.contract import Ejectable

    provider = registry.get(cloud)
    check(loaded, cloud)
    chosen = provider.driver(loaded.spec.name, loaded.stage, loaded)
    if not isinstance(chosen, Ejectable):
        raise SpecError(f"{cloud} has no program to write out", "choose a --cloud that does: `mldeploy doctor` lists them all")
    return chosen.eject(loaded, pack(loaded, report), folder, report)


def up(loaded: LoadedSpec, cloud: str, report: Reporter) -> Outputs:
    """Make the spec's model answer at `cloud`. Safe to repeat; see `Driver.up` for what it raises and what then serves."""
    from mldeploy.providers import registry

    provider = registry.get(cloud)
    check(loaded, cloud)
    bundle = pack(loaded, report)
    plan = provider.plan(loaded, bundle)
    return provider.driver(plan.name, plan.stage, loaded).up(plan, bundle, loaded, report)


def driver(name: str, stage: str, cloud: str, loaded: LoadedSpec | None = None) -> Driver:
    """The effects side of one deployment, deployed or not."""
    from mldeploy.providers import registry

    return registry.get(cloud).driver(name, stage, loaded)
