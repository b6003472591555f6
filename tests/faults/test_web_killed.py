"""Web processes and writers killed by pid at random moments, while people write, read and poll."""

from __future__ import annotations

import itertools
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.support.killed_processes import again_and_again, kill_web
from tests.support.poller import Poller, send_until_answered, unread
from tests.support.ports import wait_for
from tests.support.seeded_random import TWENTY

pytestmark = pytest.mark.slow

WRITERS = 3
KILLS = 4  # in one round, after which everybody rests and the badge is looked at


def test_no_notification_is_skipped(stack, people, ask, moments):
    """R1: writers die before, under and after their clock lock, and web processes in the middle of an answer."""
    ((name, ana),) = people(1)
    ((user_id,),) = ask('SELECT id FROM "user" WHERE username = :name', name=name)
    poller, names = Poller(ana), [f"writer{number}" for number in range(TWENTY + WRITERS)]
    began = "SELECT 1 FROM notification WHERE user_id = :id AND subject = :first"
    writers: dict[str, subprocess.Popen[bytes]] = {}

    def start() -> None:
        name = names.pop()
        writers[name] = stack.run("tests.support.writing_process", str(user_id), name, "1000000")

    def kill(name: str) -> None:
        writer = writers.pop(name)
        writer.kill()
        writer.wait()
        assert writer.stdout is not None
        writer.stdout.close()

    def at_work() -> list[str]:
        return [name for name in writers if ask(began, id=user_id, first=f"{name}:0")]

    for _ in range(WRITERS):
        start()
    with again_and_again(poller.poll, 0.05), again_and_again(lambda: stack.keep_running("web"), 0.1):
        wait_for(lambda: len(at_work()) == WRITERS, seconds=30, why="all writers to write")
        for _ in moments.twenty(0.1, 0.6):
            if moments.random() < 0.75 and (killable := at_work()):
                kill(moments.choice(killable))
                start()
            else:
                kill_web(stack, moments)
        for name in list(writers):
            kill(name)
        stack.wait_for_web()
    for _ in range(2):
        send_until_answered(poller.poll)
    stamps = [told["timestamp"] for told in poller.heard if told["name"] == "race"]
    assert stamps == sorted(stamps)
    committed = ask("SELECT timestamp FROM notification WHERE user_id = :id AND name = 'race' ORDER BY 1", id=user_id)
    assert stamps == [timestamp for (timestamp,) in committed]
    assert len(stamps) > TWENTY


def test_badge_equals_the_unread_count_after_web_is_killed(stack, people, ask, moments):
    """R2: what was answered is there, once, although it was sent until it was; the badge is right at the next poll."""
    (name, reader), (one, ana), (other, ben) = people(3)
    poller, sent, resting = Poller(reader), [], threading.Event()

    def write(visitor, sender: str) -> None:
        for number in itertools.count(len(sent)):
            if resting.is_set():
                return
            form = {"message": f"{sender}: {number}", "form_key": f"{sender}{number}"}
            answer = send_until_answered(partial(visitor.post_form, f"/send_message/{name}", form))
            assert answer.status_code == 303, answer.text
            sent.append(form["message"])

    def read() -> None:
        while not resting.is_set():
            sender, seq = moments.choice((one, other)), moments.randrange(1, len(sent) + 2)
            answer = send_until_answered(partial(reader.post_form, f"/messages/{sender}/read", {"seq": seq}))
            assert answer.status_code in {303, 404}, answer.text  # 404: that one has not written yet

    kills = moments.twenty(0.1, 0.5)
    with ThreadPoolExecutor(3) as pool, again_and_again(lambda: stack.keep_running("web"), 0.1):
        for round_number in range(TWENTY // KILLS):
            resting.clear()
            at_work = [pool.submit(write, ana, one), pool.submit(write, ben, other), pool.submit(read)]
            for _ in itertools.islice(kills, KILLS):
                before = len(sent)
                kill_web(stack, moments)
                wait_for(lambda before=before: len(sent) > before, seconds=60, why="the site to go on")
            resting.set()
            for work in at_work:
                work.result()
            send_until_answered(poller.poll)
            assert poller.badge == unread(ask, name), round_number
        stack.wait_for_web()
    mine = 'SELECT body FROM message JOIN "user" u ON u.id = sender_id WHERE u.username IN (:one, :other)'
    assert sorted(body for (body,) in ask(mine, one=one, other=other)) == sorted(sent)
