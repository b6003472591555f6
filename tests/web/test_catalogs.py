"""A catalog never takes a page down: whatever a translator's file holds, the site starts and answers."""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.catalogs import po
from app.catalogs.loading import load_all
from app.config import ROOT

pytestmark = pytest.mark.one_database

SPANISH = {"Accept-Language": "es"}
HEAD = 'msgid ""\nmsgstr ""\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'


class Translations:
    """A copy of the catalogs, to be spoiled."""

    def __init__(self, folder):
        self.folder = folder / "translations"
        shutil.copytree(ROOT / "translations", self.folder, ignore=shutil.ignore_patterns("*.mo", "*.json", "*.pot"))

    def path(self, code="es"):
        return self.folder / code / "LC_MESSAGES" / "messages.po"

    def write(self, text, code="es"):
        self.path(code).parent.mkdir(parents=True, exist_ok=True)
        self.path(code).write_bytes(text if isinstance(text, bytes) else text.encode())

    def text(self, code="es"):
        return self.path(code).read_text(encoding="utf-8")


@pytest.fixture
def translations(tmp_path):
    return Translations(tmp_path)


@pytest.fixture
def start(make_app, translations, tmp_path):
    """Start the site on these catalogs, as a process of its own would."""

    def make(**values):
        return make_app(translations_dir=translations.folder, data_dir=tmp_path / "var", **values)

    return make


def flask(app, *words):
    with app.app_context():
        answer = app.test_cli_runner().invoke(args=["translate", *words])
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer


FAULTS = [
    ("Yes", "100 % si", "a % that begins no placeholder"),
    ("Good", "50%d", "a % that begins no placeholder"),
    ("Hello %(name)s", "Hola %(name)d", "the placeholder %(name)d is not in the English text"),
    ("Bye %(name)s", "Hola", "the placeholder %(name)s is missing"),
    ("Here %(name)s", "%(name)s al 100 %", "a % that begins no placeholder"),
    ("Tag", "<b>Etiqueta</b>", "< and > are not allowed"),
    ("Open tag", "<img src=x onerror=alert(1) ", "< and > are not allowed"),
    ("Entity", "Uno &amp; otro", "an HTML entity"),
    ("Subject", "Asunto\\nBcc: x@example.org", "a line break"),
]


def test_every_invalid_translation_is_reported_with_its_location(start, translations):
    entries = [f'msgid "{english}"\nmsgstr "{spanish}"\n' for english, spanish, _reason in FAULTS]
    forms = [
        'msgid "%(num)s day of %(name)s"\nmsgid_plural "%(num)s days of %(name)s"\n'
        'msgstr[0] "un día de %(name)s"\nmsgstr[1] "días de %(name)s"\n',
        'msgid "one"\nmsgid_plural "%(num)s of them"\nmsgstr[0] "uno"\n',
        'msgid "Fine"\nmsgstr "Dijo \\"bien\\" & basta, 100 %%"\n',
    ]
    text = HEAD + "\n".join(entries + forms)
    translations.write(text)
    answer = flask(start(), "compile")
    told = [line for line in answer.stderr.splitlines() if "/es/" in line]
    assert answer.exit_code == 1
    lines = text.splitlines()
    for english, _spanish, reason in FAULTS:
        number = lines.index('msgid "' + english + '"') + 1
        place = f"translations/es/LC_MESSAGES/messages.po:{number}: "
        assert [line for line in told if line.startswith(place) and reason in line], (english, told)
    assert [line for line in told if "the placeholder %(num)s is missing in 'días de" in line]
    assert [line for line in told if "1 plural forms instead of 2: 'one'" in line]
    assert len(told) == len(FAULTS) + 2
    assert "es: compiled, 1 of 12 (8 %)" in answer.stdout


def pages(app):
    browser = app.test_client()
    return [
        browser.get(path, headers=SPANISH)
        for path in ("/auth/login", "/auth/register", "/auth/reset_password_request", "/nothing-here")
    ]


def translate_all(app, text):
    """Every string becomes `text`, in every form, as if the checks knew nothing of it."""
    catalog = app.extensions["catalogs"].by_code["es"]
    for key, old in catalog.messages.items():
        catalog.messages[key] = text if isinstance(old, str) else [text] * len(old)


def test_unusable_translation_falls_back_to_english_and_is_logged_once(start, caplog, db):
    app = start()
    for text in ("%(nobody)s", "100 % bueno", "%(name)d", "%", "%s %s", "%(num)*d"):
        translate_all(app, text)
        found = pages(app)
        assert [page.status_code for page in found] == [200, 200, 200, 404]
        assert '<html lang="es"' in found[0].text
        assert "Log in" in found[0].text
        told = [record.getMessage() for record in caplog.records if record.name == "app.catalogs"]
        assert told
        assert len(told) == len({message.split("->")[0] for message in told})


def test_translations_are_escaped_everywhere(start, db):
    app = start()
    translate_all(app, 'di "x" y <b> & onfocus=')
    for page in pages(app):
        assert "di &#34;x&#34; y &lt;b&gt; &amp; onfocus=" in page.text
        assert 'di "x"' not in page.text
        assert "<b> &" not in page.text


def test_activity_page_renders_names_as_markup_and_escapes_translations(start, as_, db):
    app = start()
    ana, ben = as_("ana", on=app), as_("ben", on=app)
    ana.user.language = "es"
    db.session.commit()
    catalog = app.extensions["catalogs"].by_code["es"]
    catalog.messages["%(name)s followed you"] = '<i>"%(name)s" te sigue'
    assert ben.post_form("/follow/ana").status_code == 303
    page = ana.get("/activity")
    assert page.status_code == 200
    assert "&lt;i&gt;&#34;<" in page.text
    assert "&#34; te sigue" in page.text
    assert "<i>&#34;" not in page.text


@pytest.mark.slow
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40) | st.from_regex(r"[%()a-z<>\"'&{} ]{0,12}", fullmatch=True))
def test_any_text_can_be_a_translation(spanish_app, text):
    translate_all(spanish_app, text)
    for page in pages(spanish_app):
        assert page.status_code in {200, 404}
        assert not re.search(r"<[^>]*[<]", page.text), "markup came through"


@pytest.fixture
def spanish_app(start, db):
    return start()


def test_error_page_needs_no_catalog(start, db, caplog):
    app = start()
    app.extensions["catalogs"].by_code["es"] = object()
    page = app.test_client().get("/auth/login", headers=SPANISH)
    assert page.status_code == 500
    assert '<html lang="en" dir="ltr"' in page.text
    assert "Something went wrong on our side" in page.text


# What may be wrong with a file: how it is spoiled, and the line and reason that are told; "" when it is simply read.
def _with_bom(text):
    return b"\xef\xbb\xbf" + text.encode()


def _in_the_middle(insert):
    def spoil(text):
        middle = text.index("\n\n", len(text) // 2)
        return f"{text[:middle]}\n\n{insert}{text[middle:]}"

    return spoil


DAMAGE = {
    "bom": (_with_bom, ""),
    "crlf": (lambda text: text.replace("\n", "\r\n"), ""),
    "cr": (lambda text: text.replace("\n", "\r"), ""),
    "obsolete with previous": (lambda text: text + '\n#~| msgid "Old"\n#~ msgid "New"\n#~ msgstr "Nuevo"\n', ""),
    "previous": (_in_the_middle('#, fuzzy\n#| msgid "Before"\nmsgid "After"\nmsgstr "Luego"'), ""),
    "blank language": (lambda text: re.sub("Language: ..", "Language: ", text, count=1), ""),
    "unknown charset": (lambda text: text.replace("charset=utf-8", "charset=utf-9"), "the charset 'utf-9' is unknown"),
    "other language": (
        lambda text: re.sub("Language: ..", "Language: Old", text, count=1),
        "the header says Language:",
    ),
    "latin-1": (lambda text: text.encode("latin-1", "replace"), "!not text in UTF-8"),
    "conflict": (
        _in_the_middle('<<<<<<< HEAD\nmsgid "A"\nmsgstr "B"\n=======\nmsgid "A"\nmsgstr "C"\n>>>>>>> x'),
        "!merge conflict",
    ),
    "html": (lambda _text: "<!doctype html>\n<p>Not found</p>\n", "!neither msgid, msgstr"),
    "no rule": (
        lambda text: text.replace("nplurals=2; plural=(n != 1)", "nplurals=INTEGER; plural=EXPRESSION"),
        "!the Plural-Forms header is not understood",
    ),
    "rule out of range": (lambda text: text.replace("plural=(n != 1)", "plural=n%5"), "!gives form 2 for 2"),
    "division by zero": (lambda text: text.replace("plural=(n != 1)", "plural=1/n"), "!cannot be used"),
    "unclosed quote": (_in_the_middle('msgid "A"\nmsgstr "B'), "!a quote is missing"),
    "quote": (_in_the_middle('msgid "A"\nmsgstr "B "C" D"'), "!a quote is missing"),
    "empty": (lambda _text: "", "!the file is empty"),
}


@pytest.mark.slow
def test_damaged_catalogs_are_reported_and_the_last_good_ones_are_served(start, translations, db):
    """Each kind of damage has a language of its own, and all are told at once."""
    codes = dict(zip(sorted({*"bg cs da de el et fi fr hu it lt lv nl pl ro sv tr".split()}), DAMAGE, strict=True))  # noqa: SIM905
    assert len(codes) == len(DAMAGE)
    whole = translations.text()
    for code in codes:
        translations.write(whole.replace("Language: es", f"Language: {code}"), code)
    before = start().extensions["catalogs"].by_code["es"].messages
    for code, kind in codes.items():
        translations.write(DAMAGE[kind][0](translations.text(code)), code)

    app = start()
    answer = flask(app, "compile")
    assert answer.exit_code == 1
    for code, kind in codes.items():
        reason = DAMAGE[kind][1]
        page = app.test_client().get("/auth/login", headers={"Accept-Language": code})
        assert f'<html lang="{code}"' in page.text, kind
        assert app.extensions["catalogs"].by_code[code].messages == before, kind
        told = [line for line in answer.stderr.splitlines() if f"/{code}/" in line]
        if reason:
            assert re.match(rf"translations/{code}/LC_MESSAGES/messages\.po:\d+: ", told[0])
            assert reason.removeprefix("!") in told[0]
        else:
            assert not told, kind
        assert (f"{code}: using the last good catalog" in answer.stdout) == reason.startswith("!"), kind


def test_damaged_catalog_without_an_earlier_version_falls_back_to_english(start, translations, db):
    translations.write("nonsense\n")
    app = start()
    assert '<html lang="en"' in pages(app)[0].text
    assert "es: not offered, the file cannot be read" in flask(app, "compile").stdout


@pytest.mark.parametrize(("at_least", "served"), [({}, "en"), ({"languages_from_percent": 60}, "es")])
def test_language_is_offered_above_a_share_of_translated_strings(start, translations, at_least, served, db):
    done = 'msgid "String %d"\nmsgstr "Texto"\n'
    todo = 'msgid "String %d"\nmsgstr ""\n'
    translations.write(HEAD + "\n".join((done if n < 65 else todo).replace("%d", str(n)) for n in range(100)))
    assert f'<html lang="{served}"' in pages(start(**at_least))[0].text


def test_configured_languages_are_offered_regardless_of_completeness(start, translations, db):
    translations.write(HEAD + 'msgid "Log in"\nmsgstr ""\n')
    assert '<html lang="es"' in pages(start(languages=("en", "es")))[0].text


@pytest.mark.parametrize(
    ("folder", "said"), [("sr@latin", ""), ("sr-Latn", "Language: \\n"), ("sh", "Language: sr_RS@latin\\n")]
)
def test_script_in_a_locale_modifier_is_served_as_a_subtag(start, translations, folder, said, db):
    header = f'msgid ""\nmsgstr ""\n"{said}"\n"Plural-Forms: nplurals=1; plural=0;\\n"\n\n'
    entry = '#: app/static/js/badges.js\nmsgid "Log in"\nmsgstr "Prijava"\n'
    translations.write(header + entry, folder)
    browser = start().test_client()
    page = browser.get("/auth/login", headers={"Accept-Language": "sr-Latn-RS"}).text
    assert '<html lang="sr-Latn" dir="ltr"' in page
    assert "Prijava" in page
    strings = browser.get(page.split('data-strings-url="')[1].split('"')[0]).json
    assert strings == {"locale": "sr-Latn", "plural": "0", "messages": {"Log in": "Prijava"}}
    assert '<html lang="en"' in browser.get("/auth/login", headers={"Accept-Language": "sr-RS"}).text


def test_missing_compiled_catalogs_are_compiled_at_startup(start, tmp_path, db):
    assert not (tmp_path / "var" / "catalogs").exists()
    assert '<html lang="es"' in pages(start())[0].text
    assert sorted(path.name for path in (tmp_path / "var" / "catalogs").iterdir()) == ["ar.json", "es.json"]


def test_catalogs_work_on_an_unwritable_disk(start, tmp_path, db):
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "catalogs").write_text("a file where the folder would be")
    assert '<html lang="es"' in pages(start())[0].text


def test_damaged_compiled_catalog_is_recompiled(start, translations, tmp_path, db):
    damages = {
        "es": lambda _whole: "",
        "it": lambda whole: whole[: len(whole) // 2],
        "de": lambda _whole: "[]",
        "fr": lambda _whole: '{"format": 1}',
        "nl": lambda whole: whole.replace('"total": ', '"total": "x'),
    }
    for code in damages:
        translations.write(translations.text(), code)
    start()
    kept = {code: tmp_path / "var" / "catalogs" / f"{code}.json" for code in damages}
    whole = {code: path.read_text() for code, path in kept.items()}
    for code, path in kept.items():
        path.write_text(damages[code](whole[code]))
    app = start()
    assert set(damages) <= set(app.extensions["catalogs"].offered(100))
    assert {code: path.read_text() for code, path in kept.items()} == whole


def test_processes_starting_simultaneously_do_not_conflict(translations, tmp_path):
    kept = tmp_path / "catalogs"
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _number: load_all(translations.folder, kept), range(8)))
    assert {one.offered(100) for one in found} == {("ar", "es")}
    assert sorted(path.name for path in kept.iterdir()) == ["ar.json", "es.json"]


@pytest.mark.slow
def test_catalog_update_loses_no_translation(start, translations):
    """One entry's English is different in the code now; others are obsolete, fuzzy, or of another tool."""
    text = translations.text()
    entry = re.search(r'msgid "(We couldn.t understand this request[^"]*)"\nmsgstr "([^"]*)"\n', text)
    assert entry is not None
    english, spanish = entry.groups()
    old_wording = english.replace("request", "requests")
    text = text.replace(f'msgid "{english}"', f'msgid "{old_wording}"')
    text = text.replace('"MIME-Version', '"X-Generator: Poedit 3\\n"\n"MIME-Version')
    gone = '#~| msgid "Older"\n#~ msgid "Quite another thing 123"\n#~ msgstr "Otra cosa"\n'
    translations.write("\ufeff" + text + "\n" + gone)
    conflict = translations.text("ar").replace("\n\n", "\n<<<<<<< HEAD\n\n", 1)
    translations.write(conflict, "ar")

    app = start()
    answer = flask(app, "update")
    assert answer.exit_code == 1
    assert "translations/ar/LC_MESSAGES/messages.po:" in answer.stderr
    assert translations.text("ar") == conflict
    updated = translations.text()
    assert f'fuzzy\n#| msgid "{old_wording}"\nmsgid "{english}"\nmsgstr "{spanish}"\n' in updated
    assert gone in updated
    assert "X-Generator: Poedit 3" in updated
    assert not updated.startswith("\ufeff")
    file = po.read(translations.path(), "es")
    assert not file.damage
    (page,) = [page for page in pages(start()) if page.status_code == 404]
    assert '<html lang="es"' in page.text
    flask(start(), "update")
    assert translations.text() == updated
    flask(start(), "init", "pt-BR")
    assert "nplurals=2; plural=(n > 1);" in translations.text("pt_BR")


def test_comments_above_a_context_belong_to_its_entry(tmp_path):
    path = tmp_path / "messages.po"
    marks = "# Shorter is better.\n#. NOTE: A button.\n#: app/a.html\n#, fuzzy\n"
    older = 'msgid "Older"\nmsgstr "Anteriores"\n\n'
    path.write_text(f'{HEAD}{older}{marks}msgctxt "post"\nmsgid "Undo"\nmsgstr "Deshacer"\n', encoding="utf-8")
    before, undo = po.read(path, "es").entries
    assert not before.comments
    assert undo.comments == ["Shorter is better."]
    assert (undo.extracted, undo.locations, undo.flags) == (["NOTE: A button."], ["app/a.html"], ["fuzzy"])


def test_catalog_init_explains_why_it_fails(start, translations):
    app = start()
    for code in ("en", "klingon", "xx", "tlh", "", "../x", "es", "es.UTF-8"):
        answer = flask(app, "init", code)
        assert answer.exit_code == 1
        assert answer.stderr.startswith("Error: ")
        assert len(answer.stderr.splitlines()) == 1
    assert sorted(path.name for path in translations.folder.iterdir()) == ["ar", "es"]


@pytest.mark.slow
def test_catalog_check_reports_an_outdated_plural(start, translations):
    singular = re.search(r'\nmsgid "([^"]+)"\nmsgid_plural "', translations.text())[1]
    translations.write(re.sub(r'(\nmsgid_plural ")', r"\1Now ", translations.text(), count=1))
    answer = flask(start(), "check")
    assert answer.exit_code == 1
    assert f"another plural than in the code (run flask translate update): {singular!r}" in answer.stderr


@pytest.mark.slow
def test_catalog_check_reports_every_fault_in_every_file(start, translations):
    translations.write(translations.text().replace('msgstr "', 'msgstr "% ', 3), "es")
    translations.write("nonsense\n", "ar")
    answer = flask(start(), "check")
    assert answer.exit_code == 1
    assert "translations/ar/LC_MESSAGES/messages.po:1: neither msgid" in answer.stderr
    assert answer.stderr.count("a % that begins no placeholder") >= 1
    assert "Traceback" not in answer.stderr
