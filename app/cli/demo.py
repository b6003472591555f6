"""The command `flask demo`, which creates sample members, posts and conversations."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from app.core.exceptions import ActionError
from app.demo import building
from app.extensions import db

LOGIN = "ana"
PASSWORD = "warm bread at five"  # noqa: S105 - public, printed by this command and refused in production


@click.command()
@click.option("--password", default=PASSWORD, show_default=True, help="The password of the demo accounts.")
@with_appcontext
def demo(password: str) -> None:
    """Create sample members, posts and conversations in many languages. Refused in production."""
    if current_app.config["SETTINGS"].microblog_env == "production":
        raise click.ClickException("The demo can't be created on a production server.")
    try:
        if building.is_there():
            click.echo("The demo community already exists.")
        else:
            _build(password)
            click.echo("The demo is ready.")
    except ActionError as refusal:
        db.session.rollback()
        raise click.ClickException(str(refusal)) from refusal
    click.echo(f"Log in at {current_app.config['SITE_URL']} as {LOGIN}, password: {password}")


def _build(password: str) -> None:
    # Hide warnings: without Redis, each job that a step enqueues would log that it waits for the scheduler.
    current_app.logger.setLevel("ERROR")
    steps = building.steps(password, LOGIN)
    with click.progressbar(steps, label="Inviting people", show_pos=True) as bar:
        for step in bar:
            step()
