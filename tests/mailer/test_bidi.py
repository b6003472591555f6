"""Names in plain-text sentences do not change the order of the words around them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask, render_template_string
from flask_babel import force_locale, refresh

from app.core.i18n import in_language_of, isolated, moment_text
from app.core.titles import group_title
from app.models import User
from app.profiles.actions import follow
from app.web import filters
from tests.factories import a_message, a_user, acquainted

FSI, PDI = "\u2068", "\u2069"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("language", "name", "shown"),
    [
        ("en", "Ana", "Ana"),
        ("en", "سلمى", f"{FSI}سلمى{PDI}"),
        ("es", "דנה", f"{FSI}דנה{PDI}"),
        ("ar", "Ana", f"{FSI}Ana{PDI}"),
        ("ar", "سلمى", f"{FSI}سلمى{PDI}"),
    ],
)
def test_a_name_is_isolated_if_it_or_the_sentence_is_right_to_left(
    app: Flask, language: str, name: str, shown: str
) -> None:
    with app.test_request_context(), force_locale(language):
        assert isolated(name) == shown


@pytest.mark.one_database
def test_each_name_in_the_title_of_a_group_is_isolated(app: Flask) -> None:
    with app.test_request_context(), force_locale("ar"):
        assert group_title("", ["Ana", "Ben"]) == f"{FSI}Ana{PDI} و{FSI}Ben{PDI}"


def test_a_text_email_in_arabic_isolates_names(db, run_jobs, mails):
    salma = a_user("salma", name="سلمى", language="ar")
    ana = a_user("ana", name="Ana Ruiz")
    acquainted(ana, salma)
    a_message(ana, salma, "Hola")
    db.session.commit()
    run_jobs(advance=60)
    mail = mails.to(salma.email)[0]
    assert f"من {FSI}Ana Ruiz{PDI}" in mail.subject
    assert f"مرحبًا {FSI}سلمى{PDI}،" in mail.text
    assert f"من {FSI}Ana Ruiz{PDI}:" in mail.text
    assert "<bdi>Ana Ruiz</bdi>" in mail.html


def test_a_text_email_in_english_stays_plain(db, run_jobs, mails):
    ben, ana = a_user("ben", name="Ben"), a_user("ana", name="Ana Ruiz")
    acquainted(ana, ben)
    a_message(ana, ben, "Hola")
    follow(ana, ben)
    db.session.commit()
    run_jobs(advance=3600)
    assert not any(FSI in mail.subject + mail.text for mail in mails.to(ben.email))


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("language", "zone", "shown"),
    [
        ("en", "Europe/Madrid", "November 28, 2026, 6:10\u202fPM (GMT+01:00)"),
        ("es", "Europe/Madrid", "28 de noviembre de 2026, 18:10 (GMT+01:00)"),
        ("ar", "Asia/Beirut", "28 نوفمبر 2026، 7:10 م (غرينتش+02:00)"),
        ("es", "", "28 de noviembre de 2026, 17:10 (UTC)"),
    ],
)
def test_formatted_time_has_no_seconds_but_a_utc_offset(app: Flask, language: str, zone: str, shown: str) -> None:
    reader = User(username="ana", language=language, timezone=zone)
    with app.test_request_context(), in_language_of(reader):
        assert moment_text(datetime(2026, 11, 28, 17, 10, 45, tzinfo=UTC)).replace("\xa0", " ") == shown


@pytest.mark.one_database
def test_a_constant_number_in_a_template_is_formatted_for_each_reader(app: Flask) -> None:
    with app.test_request_context():
        texts = []
        for language in ("en", "es", "fr"):
            with force_locale(language):
                refresh()
                texts.append(render_template_string("{{ 12345 | number }}"))
    assert texts == ["12,345", "12.345", "12\u202f345"]


@pytest.mark.one_database
def test_time_zone_name_matches_the_settings_page(app: Flask) -> None:
    with app.test_request_context(), force_locale("es"):
        assert [filters.zone_name(zone) for zone in ("America/New_York", "Europe/Madrid", "")] == [
            "Nueva York",
            "Madrid",
            "UTC",
        ]
