"""`mldeploy destroy`: remove a deployment, after asking."""

from __future__ import annotations

from mldeploy.cli import target as targets
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb


@verb("destroy", targets.name_option())
def command(session: Session, name: str | None) -> int:
    """Remove the deployment.

    Asks first; -y goes ahead, and is needed where nobody can be asked. Nothing deployed is fine: exit code 0.
    """
    target = targets.find(session, name)
    driver = target.driver
    status = driver.status()
    if status.state != "absent":
        question = f"Destroy {target.title}{f' at {status.url}' if status.url else ''}?"
        if not session.confirm(question, refusal=f"destroying {target.title} needs a yes"):
            session.result(
                {"destroyed": False, "name": target.name, "stage": target.stage, "provider": target.cloud},
                ["Nothing was destroyed."],
            )
            return 1
    session.after_interrupt = lambda: targets.standing(target)
    removed = driver.destroy(session.report)
    text = f"{target.title}: destroyed" if removed else f"{target.title}: nothing to destroy"
    session.result({"destroyed": removed, "name": target.name, "stage": target.stage, "provider": target.cloud}, [text])
    return 0
