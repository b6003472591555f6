from __future__ import annotations

import pytest

from app.core.i18n import languages
from app.models import User
from app.profiles import timezones
from app.profiles.actions import ABOUT_MAX
from tests.factories import a_user

FAMILY = "👨‍👩‍👧‍👦"  # one character as the reader counts them, eleven in UTF-16


def stored(db, username="ana"):
    return db.session.query(User).filter_by(username=username).one()


def test_profile_can_be_edited_and_found_by_its_new_name(as_, db):
    ana = as_("ana")
    sent = {
        "name": "  Ana   Ruiz ",
        "about_me": "Pan\r\n\r\ny libros",
        "timezone": "Europe/Madrid",
        "theme": "dark",
        "show_last_seen": "",
    }
    answer = ana.post_form("/edit_profile", sent)
    assert answer.status_code == 303
    page = ana.follow(answer).text
    assert "Changes saved." in page
    assert 'data-bs-theme="dark"' in page
    person = stored(db)
    assert (person.name, person.about_me) == ("Ana Ruiz", "Pan\n\ny libros")
    assert (person.timezone, person.theme, person.show_last_seen) == ("Europe/Madrid", "dark", False)
    assert person.search_text == "ana ana ruiz"


def test_profile_form_shows_stored_values(as_):
    a_user("ben", name="Ben", about_me="beans", timezone="Asia/Calcutta", theme="light")
    page = as_("ben").get("/edit_profile").text
    assert 'value="Ben"' in page and "beans" in page
    assert '<option selected value="light">' in page
    assert '<option selected value="Asia/Calcutta">' in page  # an alias of today's Asia/Kolkata stays


def test_response_uses_the_newly_chosen_language(as_, configure):
    configure(LANGUAGES=("en", "es"))
    ana = as_("ana")
    answer = ana.post_form("/edit_profile", {"language": "es", "theme": "auto"})
    assert answer.status_code == 303
    assert '<html lang="es"' in ana.follow(answer).text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 51),
        ("name", FAMILY * 20),  # few characters, and more than the column holds
        ("about_me", "x" * (ABOUT_MAX + 1)),
        ("language", "xx"),
        ("language", "../../etc/passwd"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "Europe/Madrid\0"),
        ("timezone", "/etc/localtime"),
        ("theme", "pink"),
    ],
)
def test_invalid_profile_is_rejected_and_the_input_is_kept(as_, db, field, value):
    ana = as_("ana")
    sent = {"name": "Typed", "about_me": "typed words", "theme": "auto", field: value}
    answer = ana.post_form("/edit_profile", sent)
    assert answer.status_code == 422
    assert ("typed words" in answer.text) or field == "about_me"
    assert ('value="Typed"' in answer.text) or field == "name"
    assert stored(db).name == ""
    assert stored(db).about_me == ""


def test_length_limit_counts_grapheme_clusters(as_, db):
    answer = as_("ana").post_form("/edit_profile", {"about_me": FAMILY * ABOUT_MAX, "theme": "auto"})
    assert answer.status_code == 303
    assert stored(db).about_me == FAMILY * ABOUT_MAX


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("A\0na", "Ana"),
        ("Ana\r\nBcc: all@example.org", "Ana Bcc: all@example.org"),
        ("\u202eanA\u202c", "anA"),
        ("\u200b\u200d", ""),
        ("نورة العتيبي", "نورة العتيبي"),
        (f"Ana {FAMILY}", f"Ana {FAMILY}"),
        ("{{7*7}}", "{{7*7}}"),
    ],
)
def test_names_are_normalized_to_one_line(as_, db, typed, kept):
    assert as_("ana").post_form("/edit_profile", {"name": typed, "theme": "auto"}).status_code == 303
    assert stored(db).name == kept


def test_unknown_profile_fields_are_not_changed(as_, db):
    before = as_("ana").user
    kept = before.id, before.username, before.email, before.password_hash, before.active
    sent = {"id": "7", "username": "eve", "email": "eve@example.org", "password_hash": "x", "active": ""}
    assert as_("ana").post_form("/edit_profile", {**sent, "user_id": "1", "theme": "auto"}).status_code == 303
    after = stored(db)
    assert (after.id, after.username, after.email, after.password_hash, after.active) == kept


def test_profile_form_requires_a_csrf_token(as_, db):
    assert as_("ana").post("/edit_profile", data={"name": "Eve"}).status_code == 400
    assert stored(db).name == ""


def test_time_zones_are_listed_once_by_region_in_the_readers_language(app):
    with app.test_request_context():
        groups = timezones.choices("es")
        offered = [name for group in groups.values() for name, _city in group]
        assert len(offered) == len(set(offered)) > 300
        assert ("Europe/London", "Londres") in groups["Europe"]
        assert "US/Pacific" not in offered and "Europe/Madrid" in offered
        assert set(languages()) >= {"en"}
