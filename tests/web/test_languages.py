"""Which language an answer is in, and what belongs to it."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import LanguageAccept

from app.i18n import best_language, choose_language, direction, language_name
from app.web.catalogs import FOLDER, browser_strings, load, po_files

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
        (["pt-BR"], "pt_BR"),
        (["pt"], None),
        (["AR-eg"], "ar"),
        (["../../etc/passwd"], None),
        (["x" * 5000, "es"], "es"),
        ([], None),
    ],
)
def test_the_best_offered_language_is_found(wanted, served):
    assert best_language(wanted, OFFERED) == served


@pytest.mark.parametrize("header", ["*", "*;q=nan", "es;q=-1", "en\0", "xx", "../../etc/passwd", "a" * 5000, ";;;,,"])
def test_a_strange_browser_gets_a_page(client, header):
    assert client.get("/auth/login", headers={"Accept-Language": header}).status_code == 200


def test_the_page_says_its_language(client):
    page = client.get("/auth/login", headers={"Accept-Language": "es-AR,es;q=0.8"}).text
    assert '<html lang="es" dir="ltr"' in page


def test_a_visitor_chooses_the_language_of_the_browser(client):
    answer = client.post_form("/language", {"language": "es", "next": "/auth/register"})
    assert answer.status_code == 303
    assert answer.location.endswith("/auth/register")
    assert '<html lang="es"' in client.get("/auth/login", headers={"Accept-Language": "en"}).text


def test_a_language_nobody_offers_is_not_chosen(client):
    client.post_form("/language", {"language": "../x", "next": "//evil.example"})
    assert '<html lang="en"' in client.get("/auth/login").text


def test_a_members_setting_counts_more_than_the_browser(as_, db):
    ana = as_("ana")
    ana.user.language = "es"
    db.session.commit()
    assert '<html lang="es"' in ana.get("/explore", headers={"Accept-Language": "en"}).text


@pytest.mark.parametrize("path", po_files(), ids=lambda path: path.parent.parent.name)
def test_the_scripts_get_their_strings(client, path):
    catalog = load(path)
    code = path.parent.parent.name
    page = client.get("/auth/login", headers={"Accept-Language": code.replace("_", "-")}).text
    url = page.split('data-strings-url="')[1].split('"')[0]
    answer = client.get(url)
    assert answer.json == browser_strings(catalog)
    assert len(answer.json["plural"]) == catalog.num_plurals
    assert answer.json["messages"]
    assert "immutable" in answer.headers["Cache-Control"]


def test_every_language_has_a_name_and_a_direction():
    assert language_name("es") == "Español"
    assert language_name("nobody-knows") == "nobody-knows"
    assert (direction("ar"), direction("he"), direction("en"), direction("??")) == ("rtl", "rtl", "ltr", "ltr")


def test_spanish_is_there():
    assert (FOLDER / "es" / "LC_MESSAGES" / "messages.po").exists()


def test_a_quality_of_zero_means_no(app):
    with app.app_context():
        assert choose_language(None, LanguageAccept([("es", 0), ("en", 0.5)])) == "en"
