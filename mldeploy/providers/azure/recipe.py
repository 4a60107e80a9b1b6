"""What the image is made of: Azure's own Functions base with the app, the packages and the bundle where its host looks. Pure.

The base starts the Functions host, which starts the Python worker, which imports `function_app.py`. The base's own ENTRYPOINT
and CMD stay. By default the host listens on a port above 1023, so that it needs no root. Neither that nor the user has been
tried with Microsoft's image: `run_as_root` and `port` are there for a base that wants otherwise.
"""

from __future__ import annotations

from mldeploy.errors import SpecError
from mldeploy.plan import Recipe
from mldeploy.providers.azure.settings import AzureSettings
from mldeploy.providers.azure.sizing import settings_of, size_of
from mldeploy.spec.loaded import LoadedSpec

ROOT = "/home/site/wwwroot"
PACKAGES = f"{ROOT}/.python_packages/lib/site-packages"
BUNDLE = f"{ROOT}/bundle"
PYTHON = "3.13"
FUNCTION_APP = '"""Where the Functions worker looks."""\n\nfrom mldeploy.providers.azure.entry.app import app as app\n'
DEFAULT_MAX_MB = 10_000


def recipe(loaded: LoadedSpec, labels: dict[str, str]) -> Recipe:
    """The image of this spec. It does not depend on the stage's size, so that stages of equal timeouts share images."""
    from mldeploy.providers.azure.entry.host_json import host_json

    settings, image = settings_of(loaded), loaded.spec.image
    return Recipe(
        base=settings.base_image,
        architecture="x86_64",
        python=PYTHON,
        engine=image.engine,
        requirements=("azure-functions", "orjson"),
        modules=("mldeploy.handlers", "mldeploy.providers.azure.entry"),
        entrypoint=(),
        command=(),
        probe=("python3", "-m", "mldeploy.providers.azure.entry.probe"),
        environment=_environment(settings),
        files={f"{ROOT}/function_app.py": FUNCTION_APP, f"{ROOT}/host.json": host_json(size_of(loaded).timeout_s.value)},
        labels=labels,
        packages_dir=PACKAGES,
        app_dir=ROOT,
        bundle_dir=BUNDLE,
        workdir=ROOT,
        user="0:0" if settings.run_as_root else "10001:10001",
        port=settings.port,
        user_requirements=_requirements(loaded),
        max_mb=image.max_mb or DEFAULT_MAX_MB,
    )


def _environment(settings: AzureSettings) -> dict[str, str]:
    return {
        "AzureWebJobsScriptRoot": ROOT,
        "AzureFunctionsJobHost__Logging__Console__IsEnabled": "true",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "ASPNETCORE_URLS": f"http://+:{settings.port}",
        "MLDEPLOY_BUNDLE": BUNDLE,
        "HOME": "/tmp",  # noqa: S108 - the one folder that may be written in a container
    }


def _requirements(loaded: LoadedSpec) -> str:
    """The text of the user's requirements file, "" when there is none. Raises SpecError when it cannot be read."""
    path = loaded.spec.image.requirements
    if path is None:
        return ""
    try:
        return loaded.resolve(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = loaded.problem("image.requirements", f"{path} cannot be read: {error}", "the path is relative to the spec")
        raise SpecError(f"{problem.where} {problem.message}", problem.fix, (problem,)) from error
