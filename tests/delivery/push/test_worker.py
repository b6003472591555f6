"""Web Push end to end: a real web server, a real worker, and a push service that decrypts what it gets."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.support.ports import wait_for
from tests.support.processes import Stack
from tests.support.push_service import HANGS, PushService

pytestmark = pytest.mark.slow

SOON = 60  # seconds


@pytest.fixture
def service():
    service = PushService()
    yield service
    service.stop()


@pytest.fixture
def stack(database, tmp_path):
    stack = Stack(tmp_path / "stack", database.copy(), PUSH_HOSTS="127.0.0.1")
    stack.start("web", "worker-1")
    yield stack
    stack.stop()


@pytest.fixture
def people(stack):
    """Ana and Ben, who has nothing open but the form he writes into."""
    ana, ben = stack.person("ana"), stack.person("ben")
    stack.acquaint("ana", "ben")
    yield ana, ben
    ana.close()
    ben.close()


def subscribe(visitor, service):
    device = service.browser()
    answer = visitor.post_form("/push/subscribe", device.fields())
    assert answer.status_code == 204, answer.text
    return device


def ask(stack, statement) -> list:
    engine = stack.engine()
    with engine.connect() as connection:
        found = connection.execute(text(statement)).scalars().all()
    engine.dispose()
    return list(found)


def jobs_left(stack) -> int:
    pushes = "SELECT count(*) FROM job WHERE name = 'notifications.push' AND state <> 'done'"
    return int(ask(stack, pushes)[0])


def test_message_is_pushed_to_two_browsers_without_open_pages(stack, people, service):
    ana, ben = people
    phone, desk = subscribe(ana, service), subscribe(ana, service)
    gone = subscribe(ana, service)
    gone.status = 410
    assert ben.post_form("/send_message/ana", {"message": "hello"}).status_code == 303
    wait_for(lambda: service.to(phone) and service.to(desk), seconds=SOON, why=stack.log("worker-1")[-2000:])
    assert {push.message["title"] for push in service.pushes} == {"New message from ben"}
    assert {push.claims["aud"] for push in service.pushes} == {service.url}
    assert len({push.signed_by for push in service.pushes}) == 1
    wait_for(lambda: jobs_left(stack) == 0, seconds=SOON, why="the jobs' ends")
    assert sorted(ask(stack, "SELECT endpoint FROM push_subscription")) == sorted([phone.endpoint, desk.endpoint])


def test_push_of_a_killed_worker_is_resent_identically_by_the_next(stack, people, service):
    ana, ben = people
    device = subscribe(ana, service)
    device.status = HANGS
    ben.post_form("/send_message/ana", {"message": "hello"})
    wait_for(lambda: service.to(device), seconds=SOON, why="the first copy")
    stack.kill("worker-1")
    device.status = 201
    stack.start_one("worker-1")
    wait_for(lambda: len(service.to(device)) == 2, seconds=SOON, why="the second copy")
    wait_for(lambda: jobs_left(stack) == 0, seconds=SOON, why="the job's end")
    first, second = service.to(device)
    assert first == second
