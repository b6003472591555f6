"""`flask users create`: the operator creates an account, such as the first admin of a server."""

from __future__ import annotations

import sys

import click
from flask.cli import with_appcontext

from app.accounts import actions
from app.accounts.refusals import FormRefused
from app.extensions import db


@click.command("create")
@click.argument("name")
@click.argument("email")
@click.option("--admin", is_flag=True, help="Make it an admin.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of the standard input.")
@with_appcontext
def create_user(name: str, email: str, *, admin: bool, password_stdin: bool) -> None:
    """Create the account NAME with the address EMAIL, and ask for its password.

    The password is no argument: other users of the machine see the arguments of a process.
    """
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt="Password again")
    try:
        user = actions.register(name, email, password, role="admin" if admin else "member")
    except FormRefused as refusal:
        db.session.rollback()
        raise click.ClickException("\n".join(str(sentence) for sentence in refusal.errors.values())) from refusal
    db.session.commit()
    click.echo(f"{user.username} can log in now, as {'an admin' if admin else 'a member'}.")
