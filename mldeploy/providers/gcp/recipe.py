"""What the image is made of besides the bundle: a slim Python, our HTTP server on $PORT, no SDK of Google's. Pure."""

from __future__ import annotations

from mldeploy.errors import SpecError
from mldeploy.plan import Recipe
from mldeploy.providers.gcp.settings import GcpSettings
from mldeploy.spec.loaded import LoadedSpec

ENTRY = "mldeploy.providers.gcp.entry"
PYTHON = "3.13"
PORT = 8080
DEFAULT_MAX_MB = 10_000  # Cloud Run itself has no limit


def recipe(loaded: LoadedSpec, settings: GcpSettings) -> Recipe:
    """The recipe of the service's image. Raises SpecError when the user's own requirements cannot be read."""
    image = loaded.spec.image
    return Recipe(
        base=settings.base,
        architecture="x86_64",
        python=PYTHON,
        engine=image.engine,
        requirements=("httptools", "orjson"),
        modules=("mldeploy.handlers", ENTRY),
        entrypoint=("python3", "-P", "-m", f"{ENTRY}.server"),
        command=(),
        probe=("python3", "-P", "-m", f"{ENTRY}.probe"),
        port=PORT,
        user_requirements=user_requirements(loaded),
        max_mb=image.max_mb or DEFAULT_MAX_MB,
    )


def user_requirements(loaded: LoadedSpec) -> str:
    """The text of `image.requirements`, "" when there is none; it is part of what decides the image."""
    path = loaded.spec.image.requirements
    if path is None:
        return ""
    try:
        return loaded.resolve(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = loaded.problem("image.requirements", f"{path} cannot be read: {error}", "the path is relative to the spec")
        raise SpecError(f"{problem.where} {problem.message}", problem.fix, (problem,)) from error
