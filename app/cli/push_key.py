"""`flask push-key`."""

from __future__ import annotations

import click

from app.lib.webpush import keys


@click.command("push-key")
def push_key() -> None:
    """Print a new key for Web Push: the value of VAPID_PRIVATE_KEY."""
    click.echo(keys.new_private_key())
