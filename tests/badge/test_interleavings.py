"""t"""
from __future__ import annotations
import time
import pytest
from tests.badge.actors import Operation, current
from tests.badge.explorer import Counterexample, explore
from tests.badge.points import Points
from tests.badge.site import Faults, Site
from tests.factories import a_message, a_user
from app import poll_cache
from app.clock import now


@pytest.fixture
def world(app, as_, db, valkey):
    ana, ben, cleo, dora = (as_(name) for name in ("ana", "ben", "cleo", "dora"))
    for one in (ana, ben, cleo, dora):
        one.user.last_seen = now()
    db.session.commit()
    for one in (ben, cleo, dora, dora):
        a_message(one.user, ana.user)
    db.session.commit()
    reader_id = ana.user.id
    reader = app.test_client()
    cookie = ana.get_cookie("microblog_session", domain="microblog.test")
    reader.set_cookie("microblog_session", cookie.value, domain="microblog.test")
    def send(browser):
        token = browser.csrf_token()
        def work():
            assert browser.post("/send_message/ana", data={"csrf_token": token, "message": "Hello"}).status_code == 303
        return work
    token = reader.csrf_token()
    def read():
        assert reader.post("/messages/dora/read", data={"csrf_token": token, "seq": 1}).status_code == 303
    def expire():
        actor = current()
        actor.announce(Operation("expires", writes=frozenset({poll_cache.key(reader_id)})))
        valkey.client.delete(poll_cache.key(reader_id))
    def make(expires=False, **options):
        others = {"first writer": send(ben), "second writer": send(cleo), "reader": read}
        if expires:
            others["cache"] = expire
        return Site(app, points, valkey.client, ana.user, ana, others, alike=("first writer", "second writer"), **options)
    points = Points(app, {reader_id})
    with points.watched():
        yield make

@pytest.mark.timeout(900)
@pytest.mark.parametrize("what", [dict(), dict(expires=True), dict(faults=Faults(deaths=True)), dict(faults=Faults(lags=True))])
def test_all(world, capsys, what):
    started = time.perf_counter()
    site = world(**what)
    report = explore(site)
    with capsys.disabled():
        print(what, report, time.perf_counter() - started)
