"""Azure's products and their sizes, from a spec or a program document to an option and back; its books. Pure but for reading
the books.

    product         plan             sizes
    container-apps  container_apps   16 pairs of vCPU and memory; scales to zero, or keeps min_instances
    premium         premium          EP1, EP2, EP3; keeps one at least
    flex            flex             512, 2048, 4096 MB     for comparison only: it runs no image of one's own
    consumption     consumption      128 to 1536 MB         for comparison only, as above
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from mldeploy.cost import shelf
from mldeploy.cost.book import PriceBook, nearest
from mldeploy.cost.carbon import CarbonBook
from mldeploy.cost.values import Option, Product, Scaling
from mldeploy.errors import SpecError
from mldeploy.providers.azure.limits import FUNCTIONS_ON_APPS, PAIRS, PREMIUM_SIZES
from mldeploy.providers.azure.quantities import (
    CONSUMPTION,
    CONSUMPTION_MAX_MB,
    CONSUMPTION_STEP_MB,
    CONTAINER_APPS,
    FLEX,
    LOG_ALERTS,
    METRIC_ALERTS,
    PREMIUM,
)
from mldeploy.providers.azure.settings import AzureSettings
from mldeploy.providers.azure.sizing import DEFAULT_MEMORY_MB, NAME, settings_of, size_of
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import ModelSection, ModelSpec

PACKAGE = "mldeploy.providers.azure"
COOL_DOWN_S = 300.0
"""How long a replica is kept after its last request: Container Apps' default, `cooldownPeriod` in its API
(learn.microsoft.com/azure/container-apps/scale-app). For the other plans nothing is said; the same is assumed."""
NO_IMAGE = f"runs no container image of one's own ({FUNCTIONS_ON_APPS})"
FLEX_SIZES = ((0.25, 512), (1.0, 2048), (2.0, 4096))
"""vCPU (not confirmed) and MB of one Flex Consumption instance."""
CONSUMPTION_SIZES = tuple((1.0, size) for size in range(CONSUMPTION_STEP_MB, CONSUMPTION_MAX_MB + 1, CONSUMPTION_STEP_MB))
PLANS = {"container_apps": CONTAINER_APPS, "premium": PREMIUM, "flex": FLEX, "consumption": CONSUMPTION}
_WHILE_THERE = Scaling("instance", round_ms=1000, keep_s=COOL_DOWN_S)
_WHILE_WORKING = Scaling("active", round_ms=100, minimum_ms=1000, keep_s=COOL_DOWN_S, is_start_billed=False)
_EACH_EXECUTION = Scaling("request", round_ms=1, minimum_ms=100, keep_s=COOL_DOWN_S, is_start_billed=False)
PRODUCTS = (
    Product(CONTAINER_APPS, "Functions on Container Apps", _WHILE_THERE),
    Product(PREMIUM, "Functions Elastic Premium", replace(_WHILE_THERE, always=1)),
    Product(FLEX, "Functions Flex Consumption", _WHILE_WORKING, False, NO_IMAGE),
    Product(CONSUMPTION, "Functions Consumption", _EACH_EXECUTION, False, NO_IMAGE),
)
WITH_IMAGES = (CONTAINER_APPS, PREMIUM)
PROCESSORS_AND_MEMORY: Mapping[str, Sequence[tuple[float, int]]] = {
    CONTAINER_APPS: PAIRS,
    PREMIUM: tuple(PREMIUM_SIZES.values()),
    FLEX: FLEX_SIZES,
    CONSUMPTION: CONSUMPTION_SIZES,
}


def prices() -> PriceBook:
    return shelf.read_book(NAME, files(PACKAGE) / "prices.toml")


def carbon() -> CarbonBook:
    return shelf.read_carbon(NAME, files(PACKAGE) / "carbon.toml")


def sizes(product: str) -> tuple[Option, ...]:
    """Every size of a product, smallest first, as a spec without any wish would have it."""
    first = option(product, None, None)
    return tuple(replace(first, cpu=cpu, memory_mb=memory) for cpu, memory in PROCESSORS_AND_MEMORY[product])


def option(product: str, loaded: LoadedSpec | None, memory_mb: int | None) -> Option:
    """The configuration of `product` that a spec asks for. Container Apps must have the very size; on the other plans it is the
    smallest instance that holds it. Raises SpecError for what no instance is or holds."""
    if product not in PROCESSORS_AND_MEMORY:
        raise SpecError(f"{NAME} has no product '{product}'", nearest(product, PROCESSORS_AND_MEMORY))
    seen = _as_if(loaded or _blank(), product, memory_mb)
    settings, size = settings_of(seen), size_of(seen)
    cpu, memory = _size(product, seen, memory_mb)
    least = int(size.min_instances.value)
    return Option(
        provider=NAME,
        product=product,
        memory_mb=memory,
        cpu=cpu,
        # One request at a time on the plans that run no image: what Microsoft's example of a CPU-bound function has.
        concurrency=int(size.requests.value) if product in WITH_IMAGES else seen.spec.resources.concurrency or 1,
        min_instances=max(1, least) if product == PREMIUM else 0 if product == CONSUMPTION else least,
        max_instances=int(size.max_instances.value),
        traits=_traits(product, settings.alarms.model_dump() if settings.alarms else None, f"{size.timeout_s.value:g}"),
    )


def _as_if(loaded: LoadedSpec, product: str, memory_mb: int | None) -> LoadedSpec:
    """The spec as if it were for this product's plan, and for this memory."""
    plan = next(plan for plan, key in PLANS.items() if key == product)
    block = {**loaded.spec.clouds.get(NAME, {}), "plan": plan}
    resources = loaded.spec.resources
    if memory_mb is not None:
        block.pop("cpu", None)
        resources = resources.model_copy(update={"memory_mb": memory_mb})
    update = {"clouds": {**loaded.spec.clouds, NAME: block}, "resources": resources}
    return replace(loaded, spec=loaded.spec.model_copy(update=update))


@cache
def _blank() -> LoadedSpec:
    """A spec that wishes for nothing."""
    return LoadedSpec(ModelSpec(version=1, name="model", model=ModelSection()), "mldeploy.yaml", Path(), "", {})


def _size(product: str, loaded: LoadedSpec, memory_mb: int | None) -> tuple[float, int]:
    """vCPU and memory of one instance, both as the cloud offers them."""
    offered = PROCESSORS_AND_MEMORY[product]
    if product == CONTAINER_APPS:
        size = size_of(loaded)
        wanted = int(size.memory_mb.value)
        fitting = [pair for pair in offered if pair == (float(size.cpu.value), wanted)]
    else:
        wanted = loaded.spec.resources.memory_mb or min(DEFAULT_MEMORY_MB, offered[-1][1])
        if product == PREMIUM and memory_mb is None:
            wanted = max(wanted, PREMIUM_SIZES[settings_of(loaded).premium_size].memory_mb)
        fitting = [pair for pair in offered if pair[1] >= wanted]
    if not fitting:
        raise _no_such_size(product, loaded, memory_mb, wanted)
    return fitting[0][0], fitting[0][1]


def _no_such_size(product: str, loaded: LoadedSpec, memory_mb: int | None, asked: int) -> SpecError:
    """With its place, where the spec says it; with vCPU, where the spec says those."""
    said = settings_of(loaded).cpu if product == CONTAINER_APPS else None
    closest = sorted(PROCESSORS_AND_MEMORY[product], key=lambda pair: abs(pair[1] - asked))[:2]
    named = [f"{memory} MB" + (f" with {cpu:g} vCPU" if said else "") for cpu, memory in sorted(closest)]
    title = next(each.title for each in PRODUCTS if each.key == product)
    message = f"{asked} MB{f' with {said:g} vCPU' if said else ''}: {title} has no such size"
    fix = f"the closest are {' and '.join(named)}"
    key = "clouds.azure.cpu" if said else "resources.memory_mb"
    if memory_mb is not None or loaded.origin(key) is None:
        return SpecError(f"{NAME}: {message}", fix)
    problem = loaded.problem(key, message, fix)
    return SpecError(f"{problem.where} {problem.path}: {message}", fix, (problem,))


def _traits(product: str, alarms: Mapping[str, Any] | None, timeout_s: str) -> tuple[tuple[str, str], ...]:
    """How many alerts a deployment has, as the program makes them (Elastic Premium has none for refused requests), and when a
    request is given up."""
    said, watched = alarms or {}, ("errors", "throttles") if product == CONTAINER_APPS else ("errors",)
    counts = {LOG_ALERTS: int(bool(said.get("p95_ms"))), METRIC_ALERTS: sum(bool(said.get(kind)) for kind in watched)}
    told = {name: str(count) for name, count in counts.items()} if product in WITH_IMAGES else {}
    return tuple(sorted({**told, "timeout_s": timeout_s}.items()))


def product_of(loaded: LoadedSpec) -> str:
    return PLANS[settings_of(loaded).plan]


def region_of(loaded: LoadedSpec | None) -> str:
    return (settings_of(loaded) if loaded else AzureSettings()).region


def option_of(program: Mapping[str, Any]) -> tuple[Option, str]:
    """What a program document deploys, and where."""
    product = PLANS[program["plan"]]
    found = Option(
        provider=NAME,
        product=product,
        memory_mb=int(program["memory_mb"]),
        cpu=float(program["cpu"]),
        concurrency=int(program["requests"]),
        min_instances=int(program["min_instances"]),
        max_instances=int(program["max_instances"]),
        traits=_traits(product, program["alarms"], str(program["environment"]["MLDEPLOY_TIMEOUT_S"])),
    )
    return found, str(program["location"])


def spec_keys(option: Option) -> Mapping[str, Any]:
    """What a spec says to get this option. vCPU goes with memory, so that one that is written already cannot contradict."""
    plan = next(plan for plan, key in PLANS.items() if key == option.product)
    keys: dict[str, Any] = {"clouds.azure.plan": plan, "resources.min_instances": option.min_instances}
    if option.product == PREMIUM:
        size = next(name for name, each in PREMIUM_SIZES.items() if each.memory_mb == option.memory_mb)
        return {**keys, "clouds.azure.premium_size": size}
    if option.product == CONTAINER_APPS:
        keys["clouds.azure.cpu"] = option.cpu
    return {**keys, "resources.memory_mb": option.memory_mb}
