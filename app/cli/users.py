"""The commands `flask users …`, with which the operator manages accounts and roles.

The audit log records changed roles, suspensions and reinstatements, but not who used the command.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
from flask.cli import AppGroup

from app.accounts import actions as accounts
from app.accounts.errors import FormError
from app.core import roles
from app.core.exceptions import ActionError
from app.extensions import db
from app.models import User
from app.moderation import actions, queries

users = AppGroup("users", help="Create, list, suspend and reinstate accounts, and change roles.")


@users.command("create")
@click.argument("name")
@click.argument("email")
@click.option("--admin", is_flag=True, help="Create an admin.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
def create_user(name: str, email: str, *, admin: bool, password_stdin: bool) -> None:
    """Create the account NAME with the email address EMAIL. Asks for the password.

    The password is not an argument, because other users of the machine can see the arguments of a process.
    """
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt="Confirm password")
    try:
        user = accounts.register(name, email, password)
    except FormError as refusal:
        db.session.rollback()
        raise click.ClickException("\n".join(str(sentence) for sentence in refusal.errors.values())) from refusal
    if admin:
        actions.set_role(None, user.id, "admin")
    db.session.commit()
    click.echo(f"{user.username} can now log in as {'an admin' if admin else 'a member'}.")


@users.command("list")
@click.option("--role", type=click.Choice(roles.ROLES), default=None, help="Only list accounts with this role.")
def list_users(role: str | None) -> None:
    """Print one account per line: username, role and state, separated by tabs."""
    for person in db.session.scalars(queries.accounts(role or "").execution_options(yield_per=500)):
        click.echo(f"{person.username}\t{person.role}\t{_state(person)}")


@users.command("show")
@click.argument("name")
def show_user(name: str) -> None:
    """Print the email address, role, state, registration time and last login of the account NAME."""
    person = _person(name)
    facts = {
        "username": person.username,
        "email": person.email + ("" if person.email_confirmed_at else " (not confirmed)"),
        "role": person.role,
        "state": _state(person),
        "created": f"{person.created_at:%Y-%m-%d %H:%M} UTC",
        "last login": f"{person.last_login_at:%Y-%m-%d %H:%M} UTC" if person.last_login_at else "never",
    }
    for label, fact in facts.items():
        click.echo(f"{label + ':':<12}{fact}")


@users.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(roles.ROLES))
def give_role(name: str, role: str) -> None:
    """Give the account NAME the role ROLE."""
    _act(name, lambda person: actions.set_role(None, person.id, role))
    click.echo(f"{name} now has the role {role}.")


@users.command("suspend")
@click.argument("name")
def suspend_user(name: str) -> None:
    """Suspend the account NAME until it is reinstated. Its user is logged out everywhere."""
    _act(name, lambda person: actions.suspend(None, person.id))
    click.echo(f"{name} is now suspended.")


@users.command("reinstate")
@click.argument("name")
def reinstate_user(name: str) -> None:
    """Reinstate the suspended account NAME."""
    _act(name, lambda person: actions.reinstate(None, person.id))
    click.echo(f"{name} is no longer suspended.")


def _act(name: str, act: Callable[[User], None]) -> None:
    try:
        act(_person(name))
    except ActionError as refusal:
        db.session.rollback()
        raise click.ClickException(str(refusal)) from refusal
    db.session.commit()


def _person(name: str) -> User:
    found = queries.by_name(name)
    if found is None:
        raise click.ClickException(f"No account is named {name}.")
    return found


def _state(person: User) -> str:
    if person.suspended_at is not None:
        return f"suspended since {person.suspended_at:%Y-%m-%d}"
    if person.deletion_due_at is not None:
        return f"to be deleted on {person.deletion_due_at:%Y-%m-%d}"
    return "active" if person.active else "not active"
