"""The commands `flask translate …`, which create, update and check translation catalogs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from app.catalogs import source
from app.catalogs.domain import catalogs
from app.catalogs.po import PoFile
from app.config import Settings

translate = AppGroup("translate", help="Catalogs: start, update, compile and check them.")


@translate.command()
@click.argument("locale")
def init(locale: str) -> None:
    """Create a catalog for LOCALE, such as fr, pt-BR or zh-TW."""
    try:
        path = source.init(locale, _folder())
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{path} is ready to be translated")


@translate.command()
def update() -> None:
    """Add new strings to the catalogs. Mark removed strings as obsolete. Leave unreadable catalogs unchanged."""
    template = source.extract()
    left = source.update(_folder(), template)
    _print_status(template)
    if left:
        _complain(left)
        raise click.ClickException("a file with one of these faults was left as it is; correct it and update again")


@translate.command(name="compile")
def compile_() -> None:
    """Compile the catalogs and print their faults. Fail if a catalog has a fault.

    This is only a check: the site compiles the catalogs itself when it starts, and starts even if a catalog has a
    fault.
    """
    found = catalogs()  # compiled when the app was created
    for code, one in found.by_code.items():
        kept = "using the last good catalog" if code in found.last_good else "compiled"
        click.echo(f"{code}: {kept}, {len(one.messages)} of {one.total} ({one.percent} %)")
    for code in sorted(found.unusable):
        click.echo(f"{code}: not offered, the file cannot be read")
    _complain(found.faults)
    sys.exit(1 if found.faults else 0)


@translate.command()
def status() -> None:
    """Show how much of each catalog is translated, compared with the strings of the current code."""
    _print_status(source.extract())


@translate.command()
def check() -> None:
    """Fail if a catalog is outdated, incomplete or broken."""
    faults = [fault for language in source.check(_folder(), source.extract()) for fault in language.faults]
    _complain(faults)
    sys.exit(1 if faults else 0)


def _folder() -> Path:
    settings: Settings = current_app.config["SETTINGS"]
    return settings.translations_dir


def _complain(faults: Iterable[object]) -> None:
    for fault in faults:
        click.echo(str(fault), err=True)


def _print_status(template: PoFile) -> None:
    for language in source.check(_folder(), template):
        if language.code != source.SOURCE:
            share = 100 * language.translated // max(1, language.total)
            click.echo(f"{language.code}: {language.translated} of {language.total} ({share} %)")
