"""Interface strings speak plain English, and numbers in them have plural forms."""

from __future__ import annotations

import re

import pytest

from app.catalogs.po import Entry
from app.catalogs.source import extract

RELAPSES = re.compile(
    r"\b(a mail|mails|e-mail|somebody|nobody|anybody|everybody|put away|held back|hold back|once more|take it back|"
    r"taken back|whom|you are told|cannot|do not|does not|is not|are not|has not|have not|will not|"
    # Words that were found in the pages later: jargon, promises that weren't kept, and second words for one thing.
    r"composer|worker|sealed|mutual follows|for good|restore all|your text is safe|won't be told|let you know|"
    r"act on|opened like that|nothing was lost|nothing found|worldwide|unsent text)\b",
    re.IGNORECASE,
)
# Numbers that no sentence agrees with: a name of a picture, a report, an error.
NAMED = {"Image %(num)s", "Error %(code)s", "Report %(number)s"}
NUMBER = re.compile(r"%\(\w+\)d|%\((num|count|most|least|max|number)\)s")


@pytest.fixture(scope="module")
def strings() -> list[Entry]:
    return extract().entries


def texts(entry: Entry) -> list[str]:
    return [entry.msgid] if entry.plural is None else [entry.msgid, entry.plural]


def test_no_string_uses_a_discouraged_word(strings: list[Entry]) -> None:
    found = {text: match[0] for entry in strings for text in texts(entry) if (match := RELAPSES.search(text))}
    assert not found


def test_no_two_strings_differ_only_in_final_punctuation(strings: list[Entry]) -> None:
    seen: dict[str, str] = {}
    for entry in strings:
        stem = entry.msgid.rstrip(" :.")
        assert seen.setdefault(stem, entry.msgid) == entry.msgid, f"{seen[stem]!r} and {entry.msgid!r}"


def test_strings_with_a_number_have_plural_forms(strings: list[Entry]) -> None:
    assert not [e.msgid for e in strings if e.plural is None and e.msgid not in NAMED and NUMBER.search(e.msgid)]
