"""Searching one's own messages: in every script, only what one can see, at the price of one's own."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from app.lib.text import excerpt
from app.lib.text.search import query_terms, search_text
from app.messages.actions import edit_undo_delete, groups, send_message, send_to_group
from app.messages.queries import search
from app.messages.search_words import PERSON, words_of
from app.models import Conversation, ConversationMember, HiddenMessage, Message
from tests.factories import a_message, a_user, acquainted
from tests.support.rows import words

HIT = re.compile(r'<a class="conversation-row search-result" href="([^"]+)">(.*?)</a>', re.DOTALL)


def hits(browser, q, **more):
    """(address, text) of what is found, in its order."""
    page = browser.get("/messages/search", query_string={"q": q, **more})
    assert page.status_code == 200
    return [(address, words(row)) for address, row in HIT.findall(page.text)]


@pytest.fixture
def pair(as_, db):
    """Ana's browser; she and ben write to each other."""
    ana = as_("ana")
    ana.ben = a_user("ben", name="Ben Benson")
    return ana


@pytest.mark.parametrize(
    ("body", "q"),
    [
        ("See you at the Lighthouse", "lighthouse"),
        ("See you at the lighthouse", "lighth"),
        ("Es ist große Flut", "GROSSE flut"),
        ("à l'École du port", "ecole"),
        ("世界地図を買った", "地図"),
        ("世界地図を買った", "図"),
        ("नमस्ते दुनिया", "नमस्ते"),
        ("مرحبا بالعالم", "مرحبا"),
        ("שלום עולם", "שלום"),
        ("สวัสดีชาวโลก", "ชาวโลก"),
        ("안녕하세요 세계", "세계"),
        ("Tide 🌊 is up", "🌊"),
        ("see #springtide", "#springtide"),
    ],
)
def test_messages_are_found_in_every_script(pair, body, q):
    a_message(pair.ben, pair.user, body)
    a_message(pair.ben, pair.user, "Something else")
    ((address, row),) = hits(pair, q)
    assert address == "/messages/ben?before=2#message-1"
    assert body in row


def test_messages_are_found_only_by_their_members(pair, as_, db):
    a_message(pair.user, pair.ben, "the secret handshake")
    cleo = as_("cleo")
    a_message(pair.ben, cleo.user, "handshake with cleo")
    ((_address, row),) = hits(pair, "handshake")
    assert row.endswith("You: the secret handshake")
    assert len(hits(as_(pair.ben), "handshake")) == 2
    ((_address, row),) = hits(cleo, "handshake")
    assert "handshake with cleo" in row
    assert hits(cleo, "secret") == []


def test_internal_person_markers_cannot_be_searched(pair, as_, db):
    a_message(pair.ben, pair.user, "between us")
    cleo = as_("cleo")
    for q in (f"{PERSON}{pair.user.id}", str(pair.user.id), f"{PERSON}{pair.user.id} between", '" OR "between'):
        assert hits(cleo, q) == []
    assert hits(pair, f"{PERSON}{pair.ben.id}") == []


def test_all_words_must_match_and_search_operators_are_ignored(pair):
    a_message(pair.ben, pair.user, "apples and pears")
    assert len(hits(pair, "pears apples")) == 1
    assert hits(pair, "apples plums") == []
    for q in ("apples*", "apples AND", "NOT apples", "(apples", '"apples', "apples' | 'x", "%", "a_p", "\\"):
        assert pair.get("/messages/search", query_string={"q": q}).status_code == 200
    assert hits(pair, "%") == []
    assert hits(pair, "a%s") == []


def test_invisible_messages_are_not_found(pair, db):
    for body in ("hidden tide", "deleted tide", "undone tide", "shown tide"):
        a_message(pair.ben, pair.user, body)
    by_body = {message.body: message for message in db.session.scalars(select(Message))}
    conversation = by_body["shown tide"].conversation_id
    edit_undo_delete.delete_for_me(pair.user, conversation, by_body["hidden tide"].seq)
    edit_undo_delete.delete_for_everyone(
        pair.ben, conversation, by_body["deleted tide"].seq, kept_for=timedelta(days=14)
    )
    by_body["undone tide"].kind = "undone"
    db.session.commit()
    ((_address, row),) = hits(pair, "tide")
    assert row.endswith("shown tide")
    db.session.execute(delete(HiddenMessage))
    db.session.commit()
    assert len(hits(pair, "tide")) == 2


def test_group_search_covers_the_time_of_membership(as_, db):
    ana, ben, cleo, dora = as_("ana"), a_user("ben"), a_user("cleo"), as_("dora")
    for other in (ben, cleo, dora.user):
        acquainted(ana.user, other)
    group = groups.start(ana.user, [ben, cleo], "Bakers", "bread before")
    groups.add(ana.user, group.id, [dora.user])
    send_to_group(ana.user, group.id, "bread between")
    db.session.commit()
    ((address, row),) = hits(dora, "bread")
    assert address.startswith(f"/messages/thread/{group.id}?before=")
    assert "bread between" in row
    assert "Bakers" in row
    assert len(hits(ana, "bread")) == 2
    groups.leave(dora.user, group.id)
    db.session.commit()
    assert hits(dora, "bread") == []


@pytest.mark.slow
def test_search_result_links_to_its_place_in_the_conversation(pair):
    for number in range(1, 101):
        a_message(pair.ben, pair.user, "the needle" if number == 20 else f"straw {number}")
    ((address, _row),) = hits(pair, "needle")
    page = pair.get(address).text
    assert 'id="message-20"' in page
    assert "the needle" in page


def test_message_search_results_are_paged_newest_first(pair, configure):
    configure(POSTS_PER_PAGE=2)
    for number in range(5):
        a_message(pair.ben, pair.user, f"tide {number}")
    seen, path = [], "/messages/search?q=tide"
    while path:
        page = pair.get(path).text
        seen += [words(row)[-1] for _address, row in HIT.findall(page)]
        link = re.search(r'href="(/messages/search\?q=tide&amp;before=\d+)"', page)
        path = link[1].replace("&amp;", "&") if link else None
    assert seen == ["4", "3", "2", "1", "0"]


def test_result_of_a_long_message_shows_the_matching_part(pair):
    a_message(pair.ben, pair.user, "straw " * 150 + "the needle" + " hay" * 150)
    page = pair.get("/messages/search?q=needle").text
    ((_address, row),) = hits(pair, "needle")
    assert "<mark>needle</mark>" in page
    assert "…" in row
    assert len(row) < 300


def test_search_results_are_escaped(pair):
    a_message(pair.ben, pair.user, "<script>alert(1)</script> needle <b>")
    page = pair.get("/messages/search?q=needle").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_edited_message_is_found_by_its_new_text(pair, db):
    message = a_message(pair.ben, pair.user, "the old word")
    edit_undo_delete.edit(pair.ben, message.conversation_id, message.seq, "the new word")
    db.session.commit()
    assert hits(pair, "old") == []
    assert len(hits(pair, "new")) == 1


def test_request_is_found_by_sender_and_recipient(as_, db):
    ana, ben = as_("ana"), as_("ben")
    send_message(ben.user, ana.user, "about the boat")
    db.session.commit()
    assert len(hits(ana, "boat")) == len(hits(ben, "boat")) == 1


def test_message_search_takes_three_statements(pair, queries):
    for number in range(6):
        a_message(a_user(f"person{number}"), pair.user, "tide")
    pair.get("/messages/search?q=tide")
    with queries() as asked:
        assert len(hits(pair, "tide")) == 6
    assert len(asked) == 3, asked


# --- The price


def add_messages_of_others(db, count: int) -> None:
    """Many messages of people whom ana does not know, with the very words she looks for."""
    ben, cleo = a_user("ben2"), a_user("cleo2")
    conversation = Conversation(pair_key=f"{ben.id}:{cleo.id}", newest_seq=count)
    db.session.add(conversation)
    db.session.flush()
    for user in (ben, cleo):
        db.session.add(ConversationMember(conversation_id=conversation.id, user_id=user.id))
    search = words_of("tide water", [ben.id, cleo.id])
    row = {"conversation_id": conversation.id, "sender_id": ben.id, "body": "tide water", "search_text": search}
    db.session.execute(insert(Message), [{**row, "seq": seq} for seq in range(1, count + 1)])
    db.session.commit()


@pytest.mark.parametrize("q", ["tide", "tide ", "water tide", "ti", "tide wat"])
def test_search_cost_depends_only_on_the_viewers_messages(pair, db, q):
    """However many others wrote the same words: the index is asked for the viewer's mark, and for whole words only.

    On SQLite the steps of its machine are counted; PostgreSQL says which rows it looked at.
    """
    for _ in range(3):
        a_message(pair.ben, pair.user, "tide water")
    few = cost(db, pair.user, q)
    add_messages_of_others(db, 3000)
    assert cost(db, pair.user, q) <= few * 3 + 300


def cost(db, viewer, q) -> int:
    if db.engine.dialect.name == "postgresql":
        return rows_looked_at(db, viewer, q)
    raw = db.session.connection().connection.driver_connection
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    raw.set_progress_handler(count, 1)
    try:
        assert len(search.results_page(viewer, query_terms(q), None, 25)[0]) == 3
    finally:
        raw.set_progress_handler(None, 0)
        db.session.rollback()
    return steps


def rows_looked_at(db, viewer, q) -> int:
    """Rows that any node of the plan gave or threw away; the planner knows its tables, and may read none in whole."""
    db.session.execute(text("ANALYZE"))
    db.session.execute(text("SET LOCAL enable_seqscan = off"))
    query = search.select_results(viewer, query_terms(q)).limit(26).compile(dialect=db.engine.dialect)
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {query}"
    plan = db.session.connection().exec_driver_sql(explain, dict(query.params)).scalar_one()
    db.session.rollback()
    return sum_of(plan[0]["Plan"])


def sum_of(node: dict) -> int:
    looked_at = (
        node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    )
    return int(looked_at * node["Actual Loops"]) + sum(sum_of(one) for one in node.get("Plans", []))


@pytest.mark.parametrize("q", ["tide", "water tide"])
def test_search_uses_the_viewers_marker_and_no_prefix_query(pair, db, q):
    """Neither engine tells what it does inside an index: both would gather a word's beginning from all there is."""
    dialect = postgresql.dialect() if db.engine.dialect.name == "postgresql" else sqlite.dialect()
    asked = search.select_results(pair.user, query_terms(q)).compile(dialect=dialect).params.values()
    (orders,) = [one for one in asked if PERSON in str(one)]
    assert f"{PERSON}{pair.user.id}" in orders
    assert "*" not in orders
    assert ("water" in orders) == ("water" in q)


MARKS = "\u0301\u0302\u0303\u0304\u0305\u0306"
HEAVY = {  # 13,650 code points where the limit on characters allows them, and as many different words as fit
    "one word with marks": "".join(chr(0x3B1 + at % 24) + MARKS for at in range(1950)),
    "words with marks": " ".join(chr(0x3B1 + at % 24) + MARKS[at % 5 :] + chr(0x430 + at // 24) for at in range(650)),
    "no spaces": "".join(chr(0x4E00 + at) for at in range(1950)),
    "no spaces, with marks": "".join(chr(0x304B + at % 24) + "\u3099" + MARKS[1:] for at in range(1950)),
    "emoji": "".join(chr(0x1F300 + at % 500) + "\u200d" for at in range(1950)),
    "ligatures of 18 letters": "\ufdfa" * 1950,
    "different words": " ".join(f"é{at}" for at in range(330)),
}


@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY)
def test_excerpt_cost_is_bounded_for_any_text(pair, body, monkeypatch):
    """The sender chooses the text, and the reader's search pays for it: counted in code points that are folded."""
    for _ in range(3):
        a_message(pair.ben, pair.user, f"needle {body} end")
    folded = []

    def counted(text: str) -> str:
        folded.append(len(unicodedata.normalize("NFKC", text)))
        return search_text(text)

    monkeypatch.setattr(excerpt, "search_text", counted)
    for q in ("needle", "end", "needle end"):
        folded.clear()
        assert len(hits(pair, q)) == 3
        assert sum(folded) + 16 * len(folded) <= 3 * 10_000, (sum(folded), len(folded))


def test_flag_emoji_is_found_in_a_long_message(pair):
    a_message(pair.ben, pair.user, "слово " * 300 + " 🇩🇪 wins")
    ((_address, row),) = hits(pair, "🇩🇪")
    assert "🇩🇪 wins" in row


@pytest.mark.parametrize("script", ["слово", "говорить ", "漢字仮名交文", "สวัสดีครับ", "안녕하세요 ", "नमस्ते ", "word "])
def test_last_word_of_the_longest_message_is_shown(pair, script):
    a_message(pair.ben, pair.user, (script * 400)[:1900] + " 🌊")
    ((_address, row),) = hits(pair, "🌊")
    assert row.endswith("🌊")
    assert "…" in row
