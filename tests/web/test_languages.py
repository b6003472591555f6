"""Which language an answer is in, and what belongs to it."""

from __future__ import annotations

import pytest
from babel import Locale
from babel.core import get_global
from babel.localedata import locale_identifiers
from babel.support import Translations
from werkzeug.datastructures import LanguageAccept

from app.catalogs.loading import po_files
from app.config import ROOT
from app.core.i18n import choose_language
from app.lib.locales import best_language, canonical, direction, language_name, tag
from app.web import pages
from tests.factories import a_user

OFFERED = ("en", "es", "pt_BR", "zh_Hans", "zh_Hant", "ar")


@pytest.mark.parametrize(
    ("wanted", "served"),
    [
        (["es-MX"], "es"),
        (["fr-CA", "es;q=0.5"], None),
        (["fr-CA", "en"], "en"),
        (["zh-TW"], "zh_Hant"),
        (["zh-CN"], "zh_Hans"),
        (["zh"], "zh_Hans"),
        (["zh-HK"], "zh_Hant"),
        (["zh-Hant-TW"], "zh_Hant"),
        (["zh-Hant-HK"], "zh_Hant"),
        (["zh-Hans-CN"], "zh_Hans"),
        (["yue-HK"], "zh_Hant"),
        (["pt-BR"], "pt_BR"),
        (["pt-PT"], "pt_BR"),
        (["pt"], "pt_BR"),
        (["AR-eg"], "ar"),
        (["es-u-nu-latn"], "es"),
        (["es-x-private"], "es"),
        (["../../etc/passwd"], None),
        (["x" * 5000, "es"], "es"),
        ([], None),
    ],
)
def test_best_offered_language_is_chosen(wanted, served):
    assert best_language(wanted, OFFERED) == served


@pytest.mark.parametrize(
    ("wanted", "offered", "served"),
    [
        ("zh-TW", ("zh_Hans", "zh_Hant_TW"), "zh_Hant_TW"),
        ("zh-HK", ("zh_Hans", "zh_Hant_TW"), "zh_Hant_TW"),
        ("zh-MO", ("zh_Hant", "zh_Hant_HK"), "zh_Hant_HK"),
        ("zh-Hant-TW", ("zh_Hans",), None),
        ("zh-TW", ("zh",), None),
        ("zh-cmn-Hant-TW", ("zh_Hans", "zh_Hant"), "zh_Hant"),
        ("zh-yue", ("zh_Hans", "zh_Hant"), "zh_Hant"),
        ("zh-yue-HK", ("zh_Hans",), None),
        ("zh-min-nan-Hant-TW", ("zh_Hans", "zh_Hant"), "zh_Hant"),
        ("hak-TW", ("zh_Hans", "zh_Hant"), "zh_Hant"),
        ("sr-Latn-RS", ("sr", "sr_Latn"), "sr_Latn"),
        ("sr-Latn-RS", ("sr",), None),
        ("sr-RS", ("sr_Latn",), None),
        ("sr-ME", ("sr", "sr_Latn"), "sr_Latn"),
        ("sh", ("sr_Latn",), "sr_Latn"),
        ("uz-Cyrl-UZ", ("uz", "uz_Cyrl"), "uz_Cyrl"),
        ("pt-AO", ("pt_BR", "pt_PT"), "pt_PT"),
        ("pt-PT", ("pt", "pt_BR"), "pt"),
        ("es-MX", ("es_ES", "es_419"), "es_419"),
        ("es-MX", ("es_ES", "es_AR"), "es_AR"),
        ("no", ("nb",), "nb"),
        ("nn-NO", ("nb",), "nb"),
        ("nb-NO", ("no",), "no"),
        ("iw", ("he",), "he"),
        ("in-ID", ("id",), "id"),
        ("tl", ("fil",), "fil"),
        ("en-GB", ("en", "es"), "en"),
    ],
)
def test_reader_gets_a_readable_catalog(wanted, offered, served):
    assert best_language([wanted], offered) == served


@pytest.mark.slow
def test_language_fallback_never_changes_the_script():
    """Every locale that the CLDR knows asks for its language among all others of the same language."""
    known = sorted(code for code in locale_identifiers() if tag(code) == code.replace("_", "-"))  # no variants
    likely = get_global("likely_subtags")

    def script(code):
        locale = Locale.parse(code)
        return locale.script or Locale.parse(likely.get(code) or likely[locale.language]).script

    for code in known:
        language = code.split("_")[0]
        others = [one for one in known if one.split("_")[0] == language]
        assert best_language([tag(code)], others) == code
        found = best_language([tag(code)], [one for one in others if one != code])
        assert found is None or script(found) == script(code), (code, found)


@pytest.mark.parametrize(
    ("written", "code", "lang"),
    [
        ("pt-BR", "pt_BR", "pt-BR"),
        ("zh-TW", "zh_Hant_TW", "zh-Hant-TW"),
        ("sr@latin", "sr_Latn", "sr-Latn"),
        ("iw", "he", "he"),
        ("in", "id", "id"),
        ("de_AT.UTF-8", "de_AT", "de-AT"),
    ],
)
def test_language_code_has_one_spelling_and_one_tag(written, code, lang):
    assert canonical(written) == canonical(code) == code
    assert tag(code) == lang


@pytest.mark.parametrize("header", ["*", "*;q=nan", "es;q=-1", "en\0", "xx", "../../etc/passwd", "a" * 5000, ";;;,,"])
def test_malformed_accept_language_header_gets_a_page(client, header):
    assert client.get("/auth/login", headers={"Accept-Language": header}).status_code == 200


def test_page_declares_its_language(client):
    page = client.get("/auth/login", headers={"Accept-Language": "es-AR,es;q=0.8"}).text
    assert '<html lang="es" dir="ltr"' in page


def test_visitor_can_choose_a_language(client):
    answer = client.post_form("/language", {"language": "es", "next": "/auth/register"})
    assert answer.status_code == 303
    assert answer.location.endswith("/auth/register")
    assert '<html lang="es"' in client.get("/auth/login", headers={"Accept-Language": "en"}).text


def test_unavailable_language_is_not_chosen(client):
    client.post_form("/language", {"language": "../x", "next": "//evil.example"})
    assert '<html lang="en"' in client.get("/auth/login").text


def test_language_setting_of_a_member_overrides_the_browser(as_, db):
    ana = as_("ana")
    ana.user.language = "es"
    db.session.commit()
    assert '<html lang="es"' in ana.get("/explore", headers={"Accept-Language": "en"}).text


@pytest.mark.parametrize("code", list(po_files(ROOT / "translations")[0]))
def test_scripts_get_their_translations(app, client, code):
    catalog = app.extensions["catalogs"].by_code[code]
    page = client.get("/auth/login", headers={"Accept-Language": tag(code)}).text
    url = page.split('data-strings-url="')[1].split('"')[0]
    answer = client.get(url)
    assert answer.json == catalog.browser_strings
    assert answer.json["plural"] == catalog.rule.expression
    assert len(answer.json["messages"]) == len(catalog.in_scripts)
    assert "immutable" in answer.headers["Cache-Control"]


def test_every_language_has_a_name_and_a_direction():
    assert language_name("es") == "Español"
    assert language_name("nobody-knows") == "nobody-knows"
    assert (direction("ar"), direction("he"), direction("en"), direction("??")) == ("rtl", "rtl", "ltr", "ltr")


def test_spanish_catalog_exists():
    assert (ROOT / "translations" / "es" / "LC_MESSAGES" / "messages.po").exists()


def test_language_with_quality_zero_is_not_chosen(app):
    with app.app_context():
        assert choose_language(None, LanguageAccept([("es", 0), ("en", 0.5)])) == "en"


def test_messages_of_wtforms_are_in_the_language_of_each_reader(as_, monkeypatch):
    """They are read once, although two languages take turns."""
    read, load = [], Translations.load

    def count(*args, **options):
        read.append(args)
        return load(*args, **options)

    monkeypatch.setattr(Translations, "load", count)
    pages._form_messages.cache_clear()
    readers = [(as_(a_user(f"reader{code}", language=code)), code) for code in ("es", "en")]
    for _ in range(2):
        for browser, code in readers:
            page = browser.post_form("/messages/groups", {"to": "", "message": "hi"})
            expected = {"es": "Este campo es obligatorio.", "en": "This field is required."}[code]
            assert expected in page.text
    assert len(read) == 2
