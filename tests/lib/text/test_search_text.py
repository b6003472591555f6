from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from app.lib.text.search import MAX_TERM, MAX_TERMS, Term, fts5_match, query_terms, search_text, tsquery

DOCUMENTS = (
    "Crème brûlée à l'école, Straße in Łódź",
    "世界人権宣言を読む",
    "パーティーは楽しい",
    "สวัสดีชาวโลก",
    "हिन्दी में लिखना",
    "한국어를 배워요",
    "Привет, ёжик и йогурт",
    "مُحَمَّد يكتب ۱۲۳",
    "#big_cats by @susan-b: v2.0, abc123 1e5 3a x@y.com http://a.b/c?d",
    "party 🎉 now",
    "🇩🇪 gewinnt 🇩🇪🇫🇷",
)


@pytest.fixture(scope="module")
def fts() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE found USING fts5(search_text, tokenize = 'ascii')")
    db.executemany("INSERT INTO found VALUES (?)", [(search_text(body),) for body in DOCUMENTS])
    yield db
    db.close()


def hits(db: sqlite3.Connection, query: str) -> list[int]:
    match = fts5_match(query_terms(query))
    return [row[0] - 1 for row in db.execute("SELECT rowid FROM found WHERE found MATCH ? ORDER BY rowid", (match,))]


@pytest.mark.parametrize(
    ("query", "document"),
    [
        ("creme", 0), ("BRULEE", 0), ("Ecole", 0), ("strasse", 0), ("lodz", 0), ("ŁÓDŹ", 0), ("ecole creme", 0),
        ("bru", 0), ("世界", 1), ("界", 1), ("む", 1), ("人権宣言", 1), ("パーティ", 2), ("ﾊﾟｰﾃｨｰ", 2), ("い", 2),
        ("ชาว", 3),
        ("โลก", 3), ("ก", 3), ("हिन्दी", 4), ("हिन", 4), ("한국", 5), ("국어", 5), ("어", 5), ("배워", 5), ("ежик", 6),
        ("ЁЖИК", 6), ("привет", 6), ("محمد", 7), ("یکتب", 7), ("123", 7), ("#big_cats", 8),
        ("cats", 8), ("#CATS", 8),
        ("@susan-b", 8), ("susan", 8), ("abc1", 8), ("1e5", 8), ("3a", 8), ("v2.0", 8), ("y.com", 8), ("🎉", 9),
        ("🇩🇪", 10), ("🇫🇷", 10), ("gewinnt 🇫🇷", 10),
    ],
)  # fmt: skip
def test_document_is_found_in_every_script(fts: sqlite3.Connection, query: str, document: int) -> None:
    assert document in hits(fts, query)


@pytest.mark.parametrize(
    "query", ["", " ", "!!!", "\0", "世人", "か", "zzz", "brulee zzz", "हन", "scats", '"', "*", "a" * 9000, "🇪🇩", "🇩"]
)
def test_document_without_the_query_is_not_found(fts: sqlite3.Connection, query: str) -> None:
    assert hits(fts, query) == []


@pytest.mark.parametrize(
    "hostile",
    [
        '" OR "1',
        "NEAR(a b)",
        "search_text: x",
        "a* b*",
        "NOT AND OR",
        "(((",
        "'; DROP TABLE found; --",
        "a\\'b",
        "{x} ^ -y",
        "a:* | !b",
    ],
)
def test_search_syntax_is_treated_as_words(fts: sqlite3.Connection, hostile: str) -> None:
    hits(fts, hostile)
    assert regex.fullmatch(r"(?:'[\p{L}\p{M}\p{N}]+'(?::\*)?(?: & |$))*", tsquery(query_terms(hostile)))


def test_search_text_is_normalized() -> None:
    assert search_text("Hello, Wörld!") == "hello world"
    assert search_text("世界人") == "世界 界人 人"
    assert search_text("Python3入門2024年") == "python3 入門 門 2024 年"
    assert search_text("  ,.!  \0") == ""
    assert search_text("か\u3099 が") == "が が"


def test_query_terms_are_parsed() -> None:
    assert query_terms("Hello wor") == [Term("hello", False), Term("wor", True)]
    assert query_terms("世界人") == [Term("世界", False), Term("界人", False)]
    assert query_terms("界") == [Term("界", True)]
    assert query_terms("世界 a") == [Term("世界", False), Term("a", False)]
    assert query_terms("a a a b1") == [Term("a", False), Term("b1", True)]
    assert len(query_terms("世" * 500 + " ".join(map(str, range(500))))) <= MAX_TERMS
    assert query_terms("x" * 5000) == [Term("x" * MAX_TERM, True)]


def test_query_terms_are_rendered_for_both_databases() -> None:
    terms = [Term("hello", False), Term("wor", True)]
    assert fts5_match(terms) == '"hello" AND "wor"*'
    assert tsquery(terms) == "'hello' & 'wor':*"
    assert tsquery([]) == ""


def matches_all_terms(document: str, terms: list[Term]) -> bool:
    words = document.split(" ")
    return bool(terms) and all(
        any(word.startswith(text) if prefix else word == text for word in words) for text, prefix in terms
    )


SCRIPTS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("abé1ßİı_-.@#' 世界人ーかが한국ไทยเ้हिन्दीяё\u0301\u200d🎉🇩🇪ﬁ½٣"),
    ),
    max_size=40,
)


@given(SCRIPTS)
def test_search_text_contains_plain_words_and_every_text_matches_itself(body: str) -> None:
    stored = search_text(body)
    assert regex.fullmatch(r"(?:(?:[\p{L}\p{M}\p{N}]+|\p{RI}{2}|\p{ExtPict})(?: |$))*", stored)
    assert "  " not in stored
    assert stored == stored.strip()
    assert all(len(word.encode()) < 2046 for word in stored.split(" "))  # PostgreSQL's longest lexeme
    assert len(set(stored.split(" ")) ^ {""}) < 1 or matches_all_terms(stored, query_terms(body))


@given(SCRIPTS, SCRIPTS)
def test_sqlite_matches_exactly_the_query_terms(body: str, query: str) -> None:
    stored, terms = search_text(body), query_terms(query)
    db = sqlite3.connect(":memory:")
    try:
        db.execute("CREATE VIRTUAL TABLE found USING fts5(search_text, tokenize = 'ascii')")
        db.execute("INSERT INTO found VALUES (?)", (stored,))
        rows = db.execute("SELECT 1 FROM found WHERE found MATCH ?", (fts5_match(terms),)).fetchall()
    finally:
        db.close()
    assert bool(rows) == matches_all_terms(stored, terms)


@given(st.text("世界人権ーかがไทย한국", min_size=1, max_size=20), st.data())
def test_any_part_of_an_unspaced_text_is_found(body: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(body) - 1))
    end = data.draw(st.integers(start + 1, len(body)))
    assert matches_all_terms(search_text(body), query_terms(body[start:end]))
