"""The command `flask push-key`, which creates a key for Web Push."""

from __future__ import annotations

import click

from app.lib.webpush import keys


@click.command("push-key")
def push_key() -> None:
    """Print a new private key for Web Push, to be used as VAPID_PRIVATE_KEY."""
    click.echo(keys.new_private_key())
