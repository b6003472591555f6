"""Many at once, on real processes: nothing skipped, nothing deadlocked, no badge wrong."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.accounts.steps import link_in
from tests.support.ports import wait_for
from tests.support.processes import PASSWORD, Visitor

pytestmark = pytest.mark.slow

WRITERS, EACH = 4, 500
MUTUAL = 300
ROUNDS, SENDS, READS = 40, 6, 2


def poll(visitor: Visitor, since: float) -> tuple[list[dict], float]:
    answer = visitor.get("/notifications", params={"since": repr(since)})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    return told, max((one["timestamp"] for one in told), default=since)


def test_no_notification_is_skipped(stack, people, ask):
    """R1: four writers with delayed commits, a poller every 50 ms that remembers only the newest timestamp."""
    ((name, ana),) = people(1)
    ((user_id,),) = ask('SELECT id FROM "user" WHERE username = :name', name=name)
    writers = [stack.run("tests.support.writing_process", str(user_id), str(n), str(EACH)) for n in range(WRITERS)]
    heard, since, quiet = [], 0.0, 0
    while quiet < 3:
        time.sleep(0.05)
        done = all(writer.poll() is not None for writer in writers)
        told, since = poll(ana, since)
        heard += [one for one in told if one["name"] == "race"]
        quiet = quiet + 1 if done else 0
    for writer in writers:
        assert writer.wait() == 0, writer.communicate()[0].decode()[-2000:]
        writer.stdout.close()
    stamps = [one["timestamp"] for one in heard]
    assert len(stamps) == len(set(stamps)) == WRITERS * EACH
    assert stamps == sorted(stamps)
    ((stored,),) = ask("SELECT count(*) FROM notification WHERE user_id = :id AND name = 'race'", id=user_id)
    assert stored == WRITERS * EACH


def test_mutual_messages_never_deadlock(stack, people, ask):
    """R5: 300 messages each way at the same time."""
    (one, ana), (other, ben) = people(2)
    ana.post_form(f"/send_message/{other}", {"message": "the first"})
    ben.post_form(f"/send_message/{one}", {"message": "the second"})

    def write(sender: Visitor, recipient: str) -> set[int]:
        return {
            sender.post_form(f"/send_message/{recipient}", {"message": f"number {number}"}).status_code
            for number in range(MUTUAL)
        }

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(write, (ana, ben), (other, one)))
    assert answers == [{303}, {303}]
    ids = 'SELECT id FROM "user" WHERE username IN (:one, :other)'
    numbers = ask(f"SELECT seq FROM message WHERE sender_id IN ({ids}) ORDER BY id", one=one, other=other)
    assert [seq for (seq,) in numbers] == list(range(1, 2 * MUTUAL + 3))
    if stack.database_url.startswith("postgresql"):
        ((deadlocks,),) = ask("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert deadlocks == 0


def test_badge_always_equals_the_unread_count_of_the_inbox(stack, people, ask):
    """R2: forty rounds of six sends with two reads at once; what the poller knows is what the inbox counts."""
    (name, reader), (one, ana), (other, ben) = people(3)
    ((user_id,),) = ask('SELECT id FROM "user" WHERE username = :name', name=name)
    for sender, visitor in ((one, ana), (other, ben)):
        visitor.post_form(f"/send_message/{name}", {"message": "first"})
        reader.post_form(f"/messages/{sender}/read", {"seq": 1})
    since, badge, told_counts = 0.0, None, []

    def read(sender: str, seq: int) -> int:
        return reader_of[sender].post_form(f"/messages/{sender}/read", {"seq": seq}).status_code

    reader_of = {one: reader, other: reader}
    newest = {one: 1, other: 1}
    with ThreadPoolExecutor(4) as pool:
        for _round in range(ROUNDS):
            sends = [
                pool.submit((ana, ben)[turn % 2].post_form, f"/send_message/{name}", {"message": f"{turn}"})
                for turn in range(SENDS)
            ]
            reads = [pool.submit(read, sender, newest[sender] + 1) for sender in (one, other)[:READS]]
            assert {send.result().status_code for send in sends} == {303}
            assert {answer.result() for answer in reads} == {303}
            for sender in newest:
                newest[sender] += SENDS // 2
            told, since = poll(reader, since)
            counts = [item["data"] for item in told if item["name"] == "unread_message_count"]
            badge = counts[-1] if counts else badge
            told_counts.append((badge, unread_count(ask, user_id)))
    assert [told for told, _truth in told_counts] == [truth for _told, truth in told_counts]
    rows = ask("SELECT count(*) FROM notification WHERE user_id = :id AND name = 'unread_message_count'", id=user_id)
    assert rows == [(1,)]


def unread_count(ask, user_id: int) -> int:
    """The list, counted: messages from others beyond what was read, without the site's own query."""
    ((count,),) = ask(
        "SELECT count(*) FROM message m JOIN conversation_member c ON c.conversation_id = m.conversation_id"
        " WHERE c.user_id = :id AND m.sender_id <> :id AND m.seq > c.read_seq",
        id=user_id,
    )
    return count


def test_double_click_creates_one_of_everything(stack, people, ask):
    """R3: the same forms, eight times at once."""
    (one, ana), (other, _ben) = people(2)
    ana.post_form(f"/send_message/{other}", {"message": "so that the conversation and the token exist"})
    forms = {
        f"/send_message/{other}": {"message": "once", "form_key": "m"},
        "/post": {"post": "once", "form_key": "p"},
        f"/follow/{other}": {},
    }
    with ThreadPoolExecutor(8) as pool:
        for path, data in forms.items():
            clicks = [pool.submit(ana.post_form, path, data) for _ in range(8)]
            assert {click.result().status_code for click in clicks} <= {302, 303}, path
    mine = 'SELECT id FROM "user" WHERE username = :name'
    assert ask(f"SELECT count(*) FROM message WHERE body = 'once' AND sender_id IN ({mine})", name=one) == [(1,)]
    assert ask(f"SELECT count(*) FROM post WHERE body = 'once' AND author_id IN ({mine})", name=one) == [(1,)]
    assert ask(f"SELECT count(*) FROM follow WHERE follower_id IN ({mine})", name=one) == [(1,)]


def test_contested_username_is_registered_once(stack, ask):
    """R4: eight people want the same name at the same moment, and open their links at the same moment."""
    stack.person("someone").close()  # the first of a site would not need a link
    stack.mails.clear()
    visitors = [Visitor(stack) for _ in range(8)]
    addresses = [f"wanted{number}@example.org" for number in range(8)]
    passwords = {"password": PASSWORD, "password2": PASSWORD}
    with ThreadPoolExecutor(8) as pool:
        spellings = ("Wanted", "wanted", "WANTED", "ｗanted")
        wishes = [
            pool.submit(
                visitor.submit, "/auth/register", {**passwords, "email": address, "username": spellings[number % 4]}
            )
            for number, (visitor, address) in enumerate(zip(visitors, addresses, strict=True))
        ]
        assert {wish.result().status_code for wish in wishes} == {303}
        wait_for(lambda: all(stack.mails.to(address) for address in addresses), seconds=30, why="the links")
        links = [link_in(stack.mails.to(address)[0], stack.base_url) for address in addresses]
        opened = [pool.submit(visitor.submit, link, {}, link) for visitor, link in zip(visitors, links, strict=True)]
        assert {answer.result().status_code for answer in opened} == {303}
    assert ask("SELECT count(*) FROM \"user\" WHERE username_key = 'wanted'") == [(1,)]
    for visitor in visitors:
        visitor.close()


def test_no_writer_fails_with_a_locked_database(stack):
    """R6: after all that, nobody was told that the database is locked. (Last in this file.)"""
    for program in ("web", "worker-1", "worker-2"):
        log = stack.log(program)
        assert "database is locked" not in log
        assert "deadlock" not in log
