"""`flask translate`: the translators' commands."""

from __future__ import annotations

import sys

import click
from flask import Flask
from flask.cli import AppGroup

from app.web import catalogs

translate = AppGroup("translate", help="Catalogs: start, update, compile and check them.")


@translate.command()
@click.argument("locale")
def init(locale: str) -> None:
    """Start a catalog for LOCALE, such as fr or pt_BR."""
    try:
        path = catalogs.init(locale)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{path} is ready to be translated")


@translate.command()
def update() -> None:
    """Bring the catalogs up to the strings of the code."""
    catalogs.update()
    _print_status()


@translate.command(name="compile")
def compile_() -> None:
    """Compile the catalogs that changed."""
    try:
        compiled = catalogs.compile_all()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    for locale in compiled:
        click.echo(f"compiled {locale}")


@translate.command()
def status() -> None:
    """Show how complete each language is, against the code as it stands."""
    _print_status()


@translate.command()
def check() -> None:
    """Fail when a catalog is stale, incomplete or broken."""
    bad = False
    for language in catalogs.check():
        for fault in language.faults[:20]:
            click.echo(f"{language.locale}: {fault}", err=True)
        bad = bad or bool(language.faults)
    sys.exit(1 if bad else 0)


def _print_status() -> None:
    for language in catalogs.check():
        share = 100 * language.translated // max(1, language.total)
        click.echo(f"{language.locale}: {language.translated} of {language.total} ({share} %)")


def init_app(app: Flask) -> None:
    """Register the group."""
    app.cli.add_command(translate)
