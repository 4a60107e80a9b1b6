"""Where the engine keeps its state, and what encrypts the secrets in it. Chosen once a deployment and kept in its record.

    backend            spec `state.backend` > the record > PULUMI_BACKEND_URL > file:// under the state folder
    secrets provider   the record > spec `state.secrets_provider` > MLDEPLOY_SECRETS_PROVIDER > passphrase (Pulumi Cloud's own)
    passphrase         the user's PULUMI_CONFIG_PASSPHRASE(_FILE), else a key file made here, for this machine's own state

An empty passphrase is refused: it encrypts nothing. State that others share never depends on a key that only this machine has.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mldeploy.errors import DeployError, ProviderError
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.state import Lock, make_folder, state_dir, state_error, write_atomically

SECRETS_PROVIDER = "MLDEPLOY_SECRETS_PROVIDER"
PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 (the names of variables)
PASSPHRASE_FILE = "PULUMI_CONFIG_PASSPHRASE_FILE"  # noqa: S105
GENERATED, GIVEN = "generated", "given"
_KEY_WAIT_S = 5.0


@dataclass(frozen=True)
class Backend:
    """`passphrase` says whose it is: GENERATED (our key file), GIVEN (the user's environment), "" (none, or its maker's)."""

    url: str
    secrets_provider: str
    passphrase: str

    @property
    def is_local(self) -> bool:
        """Whether it is the default, under this machine's state folder, which nobody else writes."""
        return self.url == default_url()

    @property
    def hidden(self) -> tuple[str, ...]:
        """Variables that the engine must not see: the user's passphrase is not the one of a stack with our key."""
        return (PASSPHRASE, PASSPHRASE_FILE) if self.passphrase == GENERATED else ()

    def environment(self) -> dict[str, str]:
        """Variables for the engine. Makes the folders, and the key where it is ours and missing. Raises ProviderError."""
        values = {"PULUMI_BACKEND_URL": self.url, "PULUMI_SKIP_UPDATE_CHECK": "1", "NO_COLOR": "1"}
        if self.is_local:
            make_folder(Path(self.url.removeprefix("file://")))
        home = self._home()
        if home is not None:
            values["PULUMI_HOME"] = str(make_folder(home))
        if self.passphrase == GENERATED:
            values[PASSPHRASE_FILE] = str(_key_file())
        elif self.passphrase == GIVEN:
            _require_passphrase()
        return values

    def _home(self) -> Path | None:
        """Where plugins and logins are. A login to Pulumi Cloud is in the user's own home unless a token is given."""
        if os.environ.get("PULUMI_HOME") or (self.url.startswith("https://") and not os.environ.get("PULUMI_ACCESS_TOKEN")):
            return None
        return state_dir() / "pulumi"


def default_url() -> str:
    return f"file://{state_dir() / 'stacks'}"


def choose(loaded: LoadedSpec | None, recorded: Backend | None) -> Backend:
    """Raises DeployError when the spec names another backend than the one that holds the deployment, ProviderError when a
    shared one has nothing to encrypt with."""
    asked = _url(loaded)
    if recorded is not None:
        if asked and asked != recorded.url:
            raise DeployError(
                f"this deployment is recorded at {recorded.url}, the spec says state.backend: {asked}",
                "destroy it first, or let the spec name the old place",
            )
        return recorded
    url = asked or os.environ.get("PULUMI_BACKEND_URL") or default_url()
    wanted = (loaded.spec.state.secrets_provider if loaded is not None else None) or os.environ.get(SECRETS_PROVIDER) or ""
    if not wanted and url.startswith("https://"):
        return Backend(url, "default", "")
    if wanted and wanted != "passphrase":
        return Backend(url, wanted, "")
    if PASSPHRASE in os.environ or PASSPHRASE_FILE in os.environ:
        return Backend(url, "passphrase", GIVEN)
    if url != default_url() and not url.startswith("file://"):
        raise ProviderError(
            f"state at {url} is shared, and nothing says what encrypts the secrets in it",
            "set state.secrets_provider in the spec (a key of a cloud's key service), or PULUMI_CONFIG_PASSPHRASE_FILE",
        )
    return Backend(url, "passphrase", GENERATED)


def _url(loaded: LoadedSpec | None) -> str:
    """The spec's backend, with a relative folder resolved against the spec's."""
    asked = (loaded.spec.state.backend if loaded is not None else None) or ""
    folder = asked.removeprefix("file://")
    if loaded is not None and asked.startswith("file://") and not folder.startswith(("/", "~")):
        return f"file://{(loaded.root / folder).resolve()}"
    return asked


def _key_file() -> Path:
    """Our passphrase, made on first use: 0600, beside no state that leaves the machine."""
    file = make_folder(state_dir() / "keys") / "stacks"
    with Lock(file.with_name("lock")).held(_KEY_WAIT_S):  # two first deployments at once must not each make one
        try:
            if not file.exists() or not file.read_text().strip():
                write_atomically(file, secrets.token_urlsafe(32).encode())
        except OSError as error:
            raise state_error(file, error) from error
    return file


def _require_passphrase() -> None:
    """Raises ProviderError for a passphrase that is empty or cannot be read."""
    value = os.environ.get(PASSPHRASE)
    if value is None and PASSPHRASE_FILE in os.environ:
        try:
            value = Path(os.environ[PASSPHRASE_FILE]).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ProviderError(
                f"{PASSPHRASE_FILE}={os.environ[PASSPHRASE_FILE]} cannot be read", "write the passphrase into it"
            ) from error
    if value is None:
        raise ProviderError("this deployment was made with a passphrase of yours, and none is given", f"set {PASSPHRASE_FILE}")
    if not value:
        raise ProviderError(
            f"{PASSPHRASE} is empty, which encrypts nothing", f"unset it (mldeploy then makes a key), or set {PASSPHRASE_FILE}"
        )


def described(backend: Backend) -> Mapping[str, str]:
    """As the record keeps it."""
    return {"url": backend.url, "secrets_provider": backend.secrets_provider, "passphrase": backend.passphrase}
