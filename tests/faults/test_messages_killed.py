"""Web, workers and Redis killed at random moments while people write, change and illustrate private messages.

Whoever was answered has written, once, and what they took back or changed is so; whoever was not sends the same form
again. Pictures get their thumbnails, and in the end the badge is the list.
"""

from __future__ import annotations

import io
import itertools
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import pytest
from PIL import Image

from app.messages.permission import UNDO_WINDOW
from tests.support.killed_processes import again_and_again, kill_web
from tests.support.poller import Poller, send_until_answered
from tests.support.ports import wait_for
from tests.support.processes import Visitor
from tests.support.seeded_random import TWENTY, Moments

pytestmark = pytest.mark.slow

WORKERS = ("worker-1", "worker-2")
SILENCE = 16  # seconds after which the scheduler takes an attempt for dead
IN_TIME = 60  # seconds in which the jobs are done
# What a badge should be, without the site's own query.
UNREAD = """
SELECT count(*) FROM message m JOIN conversation_member c ON c.conversation_id = m.conversation_id
JOIN "user" u ON u.id = c.user_id WHERE u.username = :name AND c.state = 'accepted' AND m.sender_id <> u.id
AND m.kind = 'text' AND m.deleted_at IS NULL AND m.seq > c.read_seq AND m.seq > c.joined_seq
"""
PLACE = "SELECT conversation_id, seq FROM message WHERE body = :body"


@dataclass
class Writer:
    """Somebody who writes, illustrates, changes and takes back, and notes what was answered."""

    name: str
    visitor: Visitor
    addresses: list[str]  # where they send
    moments: Moments
    ask: object
    stands: dict[str, str] = field(default_factory=dict)  # by form key: what the thread should say
    back: set[str] = field(default_factory=set)  # form keys of what was taken back
    pictures: set[str] = field(default_factory=set)  # form keys of what has a picture

    def work(self, resting: threading.Event) -> None:
        """Go on until it is time to rest."""
        for number in itertools.count():
            if resting.is_set():
                return
            key, began = f"{self.name}x{number}", time.monotonic()
            self._send(key, f"{self.name} wrote {number}.")
            (place,) = self.ask(PLACE, body=self.stands[key])
            chance = self.moments.random()
            if chance < 0.2:
                self._take_back(key, began, *place)
            elif chance < 0.4:
                self._edit(key, *place)

    def _send(self, key: str, body: str) -> None:
        form, files = {"message": body, "form_key": key}, None
        if self.moments.random() < 0.2:
            files = [("image", ("a.png", PICTURE, "image/png"))]
            form["alt"] = "grey"
            self.pictures.add(key)
        send = partial(self.visitor.post_form, self.moments.choice(self.addresses), form, files)
        answer = send_until_answered(send)
        while files and answer.status_code == 422:  # on a busy machine an image may wait too long for its turn
            answer = send_until_answered(send)
        assert answer.status_code == 303, answer.text
        self.stands[key] = body

    def _take_back(self, key: str, began: float, conversation_id: int, seq: int) -> None:
        answer = send_until_answered(partial(self.visitor.post_form, f"/messages/thread/{conversation_id}/{seq}/undo"))
        assert answer.status_code < 400 or answer.status_code == 422, answer.text
        if answer.status_code < 400 and time.monotonic() - began < UNDO_WINDOW.total_seconds():
            self.back.add(key)
            del self.stands[key]
        else:  # it may have been too late, which the page says: whether an earlier request did it, nobody was told
            self._look(key, conversation_id, seq)

    def _look(self, key: str, conversation_id: int, seq: int) -> None:
        where = {"conversation_id": conversation_id, "seq": seq}
        ((kind,),) = self.ask(
            "SELECT kind FROM message WHERE conversation_id = :conversation_id AND seq = :seq", **where
        )
        if kind == "undone":
            self.back.add(key)
            del self.stands[key]

    def _edit(self, key: str, conversation_id: int, seq: int) -> None:
        body = f"{self.stands[key]} Better so."
        path = f"/messages/thread/{conversation_id}/{seq}/edit"
        answer = send_until_answered(partial(self.visitor.post_form, path, {"message": body}))
        assert answer.status_code < 400, answer.text
        self.stands[key] = body


def a_picture() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((320, 240), 60).save(file, "PNG")
    return file.getvalue()


PICTURE = a_picture()


def kill_worker(stack, moments) -> None:
    """SIGKILL for a worker as a whole, or for one process of it; it is started again at once."""
    with suppress(KeyError, IndexError):  # it is being started again just now
        pids = stack.pids(moments.choice(WORKERS))
        for pid in moments.choice((pids, [moments.choice(pids)])):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def kill_redis(stack, moments) -> None:
    """It dies, and comes back a moment later without what it knew."""
    stack.valkey.stop()
    time.sleep(moments.uniform(0, 0.5))
    stack.valkey.revive()


def a_group(ask, visitor: Visitor, names: list[str]) -> int:
    """Begun through the form; its id."""
    form = {"to": " ".join(names), "name": "Boats", "message": f"Hello {names}", "form_key": f"group{names}"[:40]}
    answer = visitor.post_form("/messages/groups", form)
    assert answer.status_code == 303, answer.text
    return int(answer.headers["Location"].rpartition("/")[2])


def test_killed_processes_lose_and_duplicate_no_acknowledged_message(stack, people, ask, moments):
    """Twenty moments: a web process, a worker, or Redis."""
    (one, ana), (other, ben), (third, cleo) = people(3)
    group = a_group(ask, ana, [other, third])
    to_group = f"/messages/thread/{group}/send"
    writers = [
        Writer(one, ana, [f"/send_message/{other}", to_group], moments, ask),
        Writer(other, ben, [f"/send_message/{one}", to_group], moments, ask),
    ]
    answered = lambda: sum(len(writer.stands) + len(writer.back) for writer in writers)  # noqa: E731
    pollers = {name: Poller(visitor) for name, visitor in ((one, ana), (other, ben), (third, cleo))}
    resting = threading.Event()

    def read() -> None:
        address = moments.choice((f"/messages/thread/{group}/read", f"/messages/{one}/read"))
        visitor = cleo if "thread" in address else ben
        assert visitor.post_form(address, {"seq": moments.randrange(1, 40)}).status_code in {204, 303}

    def keep_running() -> None:
        stack.keep_running("web", *WORKERS)

    kinds = [kill_web, kill_web, kill_worker, kill_redis] * (TWENTY // 4)
    moments.shuffle(kinds)
    with ThreadPoolExecutor(2) as pool, again_and_again(keep_running, 0.1), again_and_again(read, 0.3):
        at_work = [pool.submit(writer.work, resting) for writer in writers]
        for number in moments.twenty(0.1, 0.7):
            before = answered()
            kinds[number](stack, moments)
            wait_for(lambda before=before: answered() > before, seconds=60, every=0.02, why="the site to go on")
        resting.set()
        for work in at_work:
            work.result()
        stack.wait_for_web()
    stack.shift_clock(SILENCE)
    unfinished = "SELECT name, state, error FROM job WHERE state <> 'done'"
    wait_for(lambda: ask(unfinished) == [], seconds=IN_TIME, why=f"the jobs; left are {ask(unfinished)}")
    for writer in writers:
        check_writer(writer, ask, stack)
    for name, poller in pollers.items():
        send_until_answered(poller.poll)
        ((count,),) = ask(UNREAD, name=name)
        assert poller.badge == count, name


def check_writer(writer: Writer, ask, stack) -> None:
    """All that was answered is there as it was answered, once; and no more than that."""
    mine = 'SELECT m.id, kind, body FROM message m JOIN "user" u ON u.id = m.sender_id WHERE u.username = :name'
    rows = [row for row in ask(f"{mine} ORDER BY m.id", name=writer.name) if "Hello" not in row.body]
    assert sorted(body for _id, kind, body in rows if kind == "text") == sorted(writer.stands.values())
    assert [kind for _id, kind, _body in rows].count("undone") == len(writer.back)
    assert len(rows) > 1  # else nothing was going on
    images = ask(
        f"SELECT file, thumbnail FROM message_image WHERE message_id IN ({mine.replace('m.id, kind, body', 'm.id')})",
        name=writer.name,
    )
    assert len(images) == len(writer.pictures - writer.back)
    store = stack.folder / "var" / "media" / "messages"
    for name in itertools.chain(*images):
        assert name, "a thumbnail was not made"
        assert (store / name[:2] / name).exists()
