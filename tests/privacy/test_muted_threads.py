"""A muted thread: its posts stay, its notifications are hidden, and come back."""

from __future__ import annotations

import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import event, select

from app.models import Activity, Notification, Post, ThreadMute
from app.privacy import export
from app.queries.threads import MAX_LEVELS
from tests.factories import a_post
from tests.posts.test_timelines import posts_on
from tests.privacy.conftest import polled_states, submit_action, unread_counts

AS_SCRIPT = {"Accept": "application/json"}
DAY = 86400


def reply(browser, post_id: int, text: str = "Well") -> int:
    answer = browser.post_form(f"/post/{post_id}/reply", {"post": text})
    assert answer.status_code == 303
    return int(answer.headers["Location"].rpartition("-")[2])


def change(browser, what: str, post_id: int) -> None:
    assert browser.post_form(f"/post/{post_id}/{what}").status_code == 303


def kinds_on_page(browser) -> list[str]:
    """The unread events on the Activity page, without grouping: each has its own row here."""
    return re.findall(r'data-kind="(\w+)"', browser.get("/activity").text)


def unread(browser) -> int:
    return unread_counts(browser)[1]


def menu_item(page: str, post_id: int) -> tuple[str, str]:
    """The address and the label of the item that mutes or unmutes."""
    shown = page.partition(f'id="post-{post_id}"')[2].partition("</article>")[0]
    found = re.search(r'formaction="(/post/\d+/(?:un)?mute)".*?<span>([^<]+)</span>', shown, re.DOTALL)
    return found[1], found[2]


@pytest.fixture
def thread(ana, ben, as_):
    """A post by Ana, and Ben's reply to it, which she has read."""
    post = a_post(ana.user)
    ana.post_id, ana.reply_id = post.id, reply(ben, post.id)
    return post.id, ana.reply_id


def test_muted_thread_causes_no_events_but_stays_visible(ana, ben, as_, thread, run_jobs, mails):
    root, answer = thread
    own = reply(ana, answer)
    assert unread(ana) == 1
    change(ana, "mute", answer)
    assert unread(ana) == 0
    new = reply(ben, own, "Listen, @ana")
    reply(as_("cleo"), root, "Look, @ana")
    for post_id in (root, own):
        change(ben, "like", post_id)
    assert unread(ana) == 0
    assert kinds_on_page(ana) == []
    assert {root, answer, own, new} <= set(posts_on(ana.get(f"/post/{root}").text))
    assert posts_on(ana.get("/").text) == [root]
    run_jobs(advance=14 * DAY)
    assert list(mails.to("ana@example.org")) == []
    change(ana, "unmute", new)
    assert unread(ana) == 5
    assert sorted(kinds_on_page(ana)) == ["like", "like", "reply", "reply", "reply"]
    run_jobs(advance=14 * DAY)
    assert "Listen, @ana" in " ".join(mail.text for mail in mails.to("ana@example.org"))


def test_muted_thread_causes_no_events_of_quotes_of_its_posts(ana, ben, as_, thread, run_jobs, mails):
    root, _answer = thread
    cleo = as_("cleo")
    change(ana, "mute", root)
    for number, quoter in enumerate((ben, cleo)):
        assert quoter.post_form(f"/post/{root}/quote", {"post": f"Look {number}"}).status_code == 303
    assert kinds_on_page(ana) == []
    assert unread(ana) == 0
    run_jobs(advance=14 * DAY)
    assert list(mails.to("ana@example.org")) == []
    quote_id = max(posts_on(ben.get("/user/ben").text))
    assert menu_item(ana.get("/user/ben").text, quote_id)[1] == "Mute this conversation"
    change(ana, "unmute", root)
    assert sorted(kinds_on_page(ana)) == ["quote", "quote", "reply"]
    assert unread(ana) == 3
    run_jobs(advance=14 * DAY)
    assert "Look 0" in " ".join(mail.text for mail in mails.to("ana@example.org"))


def test_other_events_of_a_quote_are_not_hidden(ana, ben, as_, thread):
    """Ana mutes the quoted conversation of Ben, and hears of what happens to her own quote, and of a mention."""
    root, answer = thread
    other = a_post(ben.user)
    assert ana.post_form(f"/post/{answer}/quote", {"post": "Mine"}).status_code == 303
    [quote_id] = set(posts_on(ana.get("/user/ana").text)) - {root, answer}
    change(ana, "mute", root)
    change(ben, "like", quote_id)
    cleo = as_("cleo")
    assert cleo.post_form(f"/post/{answer}/quote", {"post": "For @ana"}).status_code == 303
    assert cleo.post_form(f"/post/{other.id}/quote", {"post": "For Ben"}).status_code == 303
    assert sorted(kinds_on_page(ana)) == ["like", "mention"]
    assert unread(ana) == 2
    assert unread(ben) == 3


def test_badge_is_right_after_the_quoted_post_of_a_muted_thread_is_deleted(ana, ben, thread):
    own = reply(ana, thread[1])
    change(ana, "mute", own)
    assert ben.post_form(f"/post/{own}/quote", {"post": "Look"}).status_code == 303
    assert unread(ana) == 0
    change(ana, "delete", own)
    assert unread(ana) == len(kinds_on_page(ana))


def test_unmuting_reads_the_posts_of_the_events_only(ana, thread, db):
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL scans a table this small")
    change(ana, "mute", thread[0])
    statements = []

    def executed(_connection, _cursor, statement, parameters, *_):
        statements.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", executed)
    try:
        change(ana, "unmute", thread[0])
    finally:
        event.remove(db.engine, "before_cursor_execute", executed)
    [(statement, values)] = [one for one in statements if one[0].startswith("SELECT DISTINCT activity.kind")]
    plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    assert not any(re.search("SCAN|AUTOMATIC", step[-1]) for step in plan), plan


def test_other_threads_and_other_people_are_not_affected(ana, ben, thread):
    root, answer = thread
    other = a_post(ana.user)
    change(ana, "mute", root)
    change(ben, "like", other.id)
    assert unread(ana) == 1
    reply(ana, answer)
    change(ana, "like", answer)
    assert unread(ben) == 2
    mention = reply(ben, other.id, "Look, @ana")
    assert unread(ana) == 2
    assert menu_item(ana.get(f"/post/{other.id}").text, mention) == (
        f"/post/{mention}/mute",
        "Mute this conversation",
    )


def test_menu_of_every_post_of_the_thread_mutes_and_unmutes(ana, ben, thread, db):
    for viewer in (ana, ben):
        for post_id in thread:
            page = f"/post/{thread[0]}"
            address, label = menu_item(viewer.get(page).text, post_id)
            assert (address, label) == (f"/post/{post_id}/mute", "Mute this conversation")
            for _twice in range(2):
                answer = viewer.post_form(address, {"next": page})
                assert answer.headers["Location"] == f"{page}#post-{post_id}"
            assert "get notifications about this conversation." in viewer.get(page).text
            shown = [menu_item(viewer.get(page).text, one) for one in thread]
            assert shown == [(f"/post/{one}/unmute", "Unmute this conversation") for one in thread]
            assert menu_item(viewer.get("/explore").text, thread[0]) == shown[0]
            for _twice in range(2):
                assert viewer.post_form(f"/post/{post_id}/unmute", headers=AS_SCRIPT).status_code == 200
    assert db.session.scalars(select(ThreadMute)).all() == []


def test_open_pages_hear_of_the_new_count(ana, ben, thread):
    def newest() -> object:
        return polled_states(ana, "unread_activity_count")[-1]

    assert newest() == 1
    change(ana, "mute", thread[0])
    assert newest() == 0
    change(ben, "like", thread[0])
    assert newest() == 0
    change(ana, "unmute", thread[0])
    assert newest() == 2


@pytest.mark.parametrize("why", ["blocked", "blocks", "suspended", "restricted", "missing"])
def test_thread_of_an_invisible_post_cannot_be_muted(ana, as_, db, why):
    cleo = as_("cleo")
    post_id = a_post(cleo.user, visibility="followers" if why == "restricted" else "members").id
    if why == "suspended":
        cleo.user.active = False
        db.session.commit()
    elif why == "missing":
        change(cleo, "delete", post_id)
    elif why != "restricted":
        submit_action(*((cleo, "block", "ana") if why == "blocked" else (ana, "block", "cleo")))
    for what in ("mute", "unmute"):
        for headers in ({}, AS_SCRIPT):
            assert ana.post_form(f"/post/{post_id}/{what}", headers=headers).status_code == 404
    assert db.session.scalars(select(ThreadMute)).all() == []


def test_muting_needs_a_login_and_a_token(ana, client, thread):
    for what in ("mute", "unmute"):
        assert client.post_form(f"/post/{thread[0]}/{what}").status_code == 302
        assert ana.post(f"/post/{thread[0]}/{what}").status_code == 400


def test_mute_outlives_the_root_of_the_thread(ana, ben, as_, thread):
    root, answer = thread
    own = reply(ana, answer)
    change(ana, "mute", root)
    change(ana, "delete", root)
    change(ben, "like", own)
    assert unread(ana) == 0
    change(ana, "unmute", own)
    assert unread(ana) == 2


def test_mute_reaches_the_tree_below_the_deepest_level(ana, ben, db):
    """A thread that is so deep that a second tree continues it."""
    post_ids = [a_post(ana.user).id]
    for level in range(MAX_LEVELS + 3):
        post_ids.append(reply(ana, post_ids[-1], f"Level {level}"))
    root, last = post_ids[0], post_ids[-1]
    assert db.session.get(Post, last).tree_id == post_ids[MAX_LEVELS]
    change(ana, "mute", root)
    change(ben, "like", last)
    reply(ben, last)
    assert unread(ana) == 0
    assert menu_item(ana.get(f"/post/{last}").text, last)[0] == f"/post/{last}/unmute"
    change(ana, "unmute", last)
    assert unread(ana) == 2
    change(ana, "mute", last)
    change(ben, "like", root)
    assert unread(ana) == 0


def test_mutes_are_exported_and_deleted_with_the_account(ana, ben, thread, db):
    for browser in (ana, ben):
        change(browser, "mute", thread[1])
    [piece] = export.pieces(ana.user.id)
    [muted] = json.loads(piece.text)["muted_threads"]
    assert muted["post_id"] == thread[0]
    db.session.delete(db.session.merge(ana.user))
    db.session.commit()
    assert db.session.scalars(select(ThreadMute.user_id)).all() == [ben.user.id]


@pytest.mark.parametrize("seed", range(3))
def test_badge_equals_the_activity_page_in_random_stories(ana, ben, as_, db, seed):
    """Mutes start and end between events that begin, end and are read."""
    dice, cleo = random.Random(seed), as_("cleo")
    roots = [a_post(ana.user).id for _ in range(2)]
    posts, muted = {root: root for root in roots}, set()
    for _step in range(25):
        post_id, who = dice.choice(sorted(posts)), dice.choice((ben, cleo))
        what = dice.choice(["like", "like", "unlike", "reply", "reply", "mute", "unmute", "read"])
        if what == "reply":
            posts[reply(who, post_id, f"Hello @ana {len(posts)}")] = posts[post_id]
        elif what in {"mute", "unmute"}:
            change(ana, what, post_id)
            (muted.add if what == "mute" else muted.discard)(posts[post_id])
        elif what == "read":
            read_everything(ana)
        else:
            change(who, what, post_id)
        events = db.session.scalars(select(Activity).where(Activity.user_id == ana.user.id, Activity.read_at.is_(None)))
        expected = [event for event in events if event.filtered_by == "" and posts[event.post_id] not in muted]
        assert unread(ana) == len(expected), what


def read_everything(browser) -> None:
    """By the form of the Activity page."""
    if unread(browser):
        assert browser.submit("/activity", action="/activity/read").status_code == 303


def test_mute_at_the_same_time_as_events_leaves_the_right_count(ana, ben, as_, thread, db):
    """Likes by others while Ana mutes and unmutes: whatever is committed last, the stored count is true."""
    people = [as_(f"person{number}") for number in range(3)]
    together = Barrier(len(people) + 1)

    def like(browser) -> None:
        together.wait()
        change(browser, "like", thread[0])

    def mute() -> None:
        together.wait()
        for what in ("mute", "unmute", "mute"):
            change(ana, what, thread[0])

    with ThreadPoolExecutor(len(people) + 1) as pool:
        for work in [*(pool.submit(like, person) for person in people), pool.submit(mute)]:
            work.result()
    assert unread(ana) == 0
    change(ana, "unmute", thread[0])
    assert unread(ana) == 1 + len(people)
    told = select(Notification.data).where(
        Notification.user_id == ana.user.id, Notification.name == "unread_activity_count"
    )
    assert db.session.scalar(told) == 1 + len(people)
