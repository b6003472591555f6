"""The `flask` commands: `db` of Flask-Migrate, and the app's own `demo`, `push-key`, `translate` and `users`."""

from flask import Flask

from app.cli.demo import demo
from app.cli.push_key import push_key
from app.cli.translate import translate
from app.cli.users import users
from app.core.migrations import migrate


def init_app(app: Flask) -> None:
    """Register the commands with the app."""
    migrate.init_app(app)
    for command in (demo, push_key, translate, users):
        app.cli.add_command(command)
