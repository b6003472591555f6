"""kill -9 at the worst moments, and a Redis that forgets: what was promised still happens, within a minute."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import suppress

import httpx2
import pytest
from sqlalchemy import text

from tests.support.ports import wait_for

pytestmark = pytest.mark.slow

SOON = 60  # seconds
QUICKLY = 5  # seconds for two requests, on a machine that is busy with other tests


def address(name: str) -> str:
    return f"{name}@example.org"


def message_emails(stack, name: str) -> list:
    """The mails "you have a message" to somebody, without those about their account."""
    return [mail for mail in stack.mails.to(address(name)) if "/messages/" in mail.text]


def user_id(ask, name: str) -> int:
    ((found,),) = ask('SELECT id FROM "user" WHERE username = :name', name=name)
    return found


def test_email_of_a_killed_worker_is_resent_with_the_same_message_id(stack, people, ask):
    (one, ana), (other, _ben) = people(2)
    wait_for(lambda: len(stack.mails) == 2, seconds=SOON, why="the mails that confirm the addresses")
    stack.mails.mode = "hang"
    assert ana.post_form(f"/send_message/{other}", {"message": "hello"}).status_code == 303
    wait_for(lambda: message_emails(stack, other), seconds=20, why="the first copy")
    for worker in ("worker-1", "worker-2"):
        stack.kill(worker)
    stack.mails.mode = "ok"
    stack.start_one("worker-1")
    stack.start_one("worker-2")
    wait_for(lambda: len(message_emails(stack, other)) == 2, seconds=SOON, why="the second copy")
    assert len({mail.message_id for mail in message_emails(stack, other)}) == 1
    wait_for(lambda: ask("SELECT 1 FROM job WHERE queue = 'mail' AND state <> 'done'") == [], seconds=10)
    assert one


def test_export_of_a_killed_worker_is_completed_once(stack, people, ask):
    ((name, ana),) = people(1)
    owner, posts = user_id(ask, name), 20_000
    engine = stack.engine()
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO post (author_id, body, language, created_at, search_text)"
                " VALUES (:owner, :body, '', CURRENT_TIMESTAMP, '')"
            ),
            [{"owner": owner, "body": f"post {number}"} for number in range(posts)],
        )
    engine.dispose()
    assert ana.post_form("/export_posts").status_code in {302, 303}
    running = "SELECT id FROM job WHERE owner_id = :owner AND state = 'running'"
    wait_for(lambda: ask(running, owner=owner), seconds=20, every=0.005, why="the export to begin")
    for worker in ("worker-1", "worker-2"):
        stack.kill(worker)
    ((state, crashes),) = ask("SELECT state, crashes FROM job WHERE owner_id = :owner", owner=owner)
    assert (state, crashes) == ("running", 0)  # else it was too quick for us
    stack.start_one("worker-1")
    stack.start_one("worker-2")
    wait_for(
        lambda: ask("SELECT id FROM job WHERE owner_id = :owner AND state = 'done'", owner=owner),
        seconds=SOON,
        why="the export to end",
    )
    told = [one["data"] for one in ana.get("/notifications").json() if one["name"] == "task_progress"]
    assert [(one["state"], one["progress"]) for one in told] == [("done", 100)]
    file = ana.get(f"/tasks/{told[0]['task_id']}/download")
    assert file.status_code == 200
    assert len(file.json()["posts"]) == posts
    ready = lambda: [m for m in stack.mails.to(address(name)) if "/tasks" in m.text]  # noqa: E731
    wait_for(ready, seconds=20, why="the mail about the export")
    assert len(ready()) == 1


def test_job_is_run_if_web_is_killed_between_commit_and_enqueueing(stack, people, ask):
    (_one, ana), (other, _ben) = people(2)
    ana.post_form(f"/send_message/{other}", {"message": "the conversation exists"})
    wait_for(lambda: message_emails(stack, other), seconds=20)
    stack.valkey.signal(signal.SIGSTOP)  # the push hangs

    def send() -> None:
        with suppress(httpx2.HTTPError):
            ana.post_form(f"/send_message/{other}", {"message": "committed"})

    sending = threading.Thread(target=send)
    sending.start()
    committed = "SELECT 1 FROM message WHERE body = 'committed'"
    wait_for(lambda: ask(committed), seconds=10, every=0.01, why="the commit")
    stack.kill("web")
    stack.valkey.signal(signal.SIGCONT)
    sending.join()
    stack.start_one("web")
    wait_for(lambda: len(message_emails(stack, other)) == 2, seconds=SOON, why="the mail")


def test_killing_web_under_load_loses_and_duplicates_no_message(stack, people, ask):
    """Whoever was told "sent" has sent it; whoever was not sends again with the same form, and has sent it once."""
    (_one, ana), (other, _ben) = people(2)
    answered, texts = [], [f"load {number}" for number in range(30)]

    def send(number: int, body: str) -> bool:
        with suppress(httpx2.HTTPError):
            sent = {"message": body, "form_key": f"key{number}"}
            return ana.post_form(f"/send_message/{other}", sent).status_code == 303
        return False

    def send_all() -> None:
        for number, body in enumerate(texts):
            while not send(number, body):
                time.sleep(0.1)
            answered.append(body)

    sending = threading.Thread(target=send_all)
    sending.start()
    for stop_after in (5, 15):
        wait_for(lambda after=stop_after: len(answered) >= after, seconds=20)
        stack.restart("web")
    sending.join(40)
    stored = ask("SELECT body FROM message WHERE body LIKE 'load %' ORDER BY seq")
    assert [body for (body,) in stored] == texts == answered


def test_emptied_redis_loses_no_job(stack, people, ask):
    """Workers are down, mails are ordered, Redis is emptied: every mail arrives once when they are back."""
    (_sender, ana), *readers = people(6)
    wait_for(lambda: len(stack.mails) == 6, seconds=SOON, why="the mails that confirm the addresses")
    for worker in ("worker-1", "worker-2"):
        stack.kill(worker)
    for name, reader in readers:
        assert ana.post_form(f"/send_message/{name}", {"message": "hello"}).status_code == 303
        assert reader.post_form("/export_posts").status_code in {302, 303}
    stack.valkey.flush()
    stack.start_one("worker-1")
    stack.start_one("worker-2")
    time.sleep(2)
    stack.valkey.flush()  # and once more while they work
    wait_for(lambda: all(message_emails(stack, name) for name, _reader in readers), seconds=SOON, why="every mail")
    wait_for(lambda: ask("SELECT 1 FROM job WHERE state IN ('queued', 'running')") == [], seconds=SOON)
    assert [len(message_emails(stack, name)) for name, _reader in readers] == [1] * len(readers)
    done = ask("SELECT count(*) FROM job WHERE name = 'posts.export' AND state = 'done'")
    failed = ask("SELECT name, error FROM job WHERE state = 'failed'")
    assert failed == []
    assert done[0][0] >= len(readers)


@pytest.mark.parametrize("how", ["dead", "paused"])
def test_pages_work_and_jobs_survive_while_redis_is_down(stack, people, how):
    """It dies and comes back empty, or hangs: pages work meanwhile, and quickly, and nothing ordered is lost."""
    (_one, ana), (other, ben) = people(2)
    stack.mails.mode = "hang"
    wait_for(lambda: stack.mails.tried, seconds=20, why="a worker to be in the middle of a job")
    if how == "dead":
        stack.valkey.stop()
    else:
        stack.valkey.signal(signal.SIGSTOP)
    stack.mails.mode = "ok"
    for number in range(5):
        started = time.monotonic()
        assert ana.post_form(f"/send_message/{other}", {"message": f"{number}"}).status_code == 303
        assert ben.get("/notifications").status_code == 200
        assert time.monotonic() - started < QUICKLY
    assert [one["data"] for one in ben.get("/notifications").json() if one["name"] == "unread_message_count"] == [5]
    stack.valkey.revive()
    wait_for(lambda: message_emails(stack, other), seconds=SOON, why="the mail")
    time.sleep(1)
    for worker in ("worker-1", "worker-2"):
        assert stack.is_running(worker), stack.log(worker)[-2000:]
