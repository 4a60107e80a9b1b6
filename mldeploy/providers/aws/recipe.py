"""What the image is made of besides the bundle: a slim Python, Lambda's own runtime client, our entry point. Pure, but for the
text of the user's requirements file, which is part of what decides the image."""

from __future__ import annotations

from mldeploy.errors import SpecError
from mldeploy.plan import Recipe
from mldeploy.providers.aws.settings import AwsSettings
from mldeploy.spec.loaded import LoadedSpec

ENTRY = "mldeploy.providers.aws.entry"
PYTHON = "3.13"
MAX_MB = 10_240
COMMAND = (f"{ENTRY}.lambda_function.handler",)


def recipe(loaded: LoadedSpec, settings: AwsSettings, architecture: str) -> Recipe:
    """The recipe of the function's image. Raises SpecError when the user's own requirements cannot be read."""
    image = loaded.spec.image
    return Recipe(
        base=settings.base,
        architecture=architecture,
        python=PYTHON,
        engine=image.engine,
        requirements=("awslambdaric", "orjson"),
        modules=("mldeploy.handlers", ENTRY),
        entrypoint=("python3", "-P", "-m", "awslambdaric"),
        command=COMMAND,
        probe=("python3", "-P", "-m", f"{ENTRY}.probe"),
        user_requirements=_user_requirements(loaded),
        max_mb=image.max_mb or MAX_MB,
    )


def _user_requirements(loaded: LoadedSpec) -> str:
    path = loaded.spec.image.requirements
    if path is None:
        return ""
    try:
        return loaded.resolve(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = loaded.problem("image.requirements", f"{path} cannot be read: {error}", "the path is relative to the spec")
        raise SpecError(f"{problem.where} {problem.message}", problem.fix, (problem,)) from error
