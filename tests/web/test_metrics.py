"""What an operator's monitoring reads."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.core.time import now
from app.jobs import enqueue
from app.models import Job, Notification
from app.notifications import publish_state
from tests.factories import a_user

TOKEN = "a token for the monitoring"


@pytest.fixture
def read_metrics(client, configure):
    configure(METRICS_TOKEN=TOKEN)

    def read() -> dict[str, float]:
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        assert answer.content_type.startswith("text/plain")
        lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    return read


@pytest.mark.parametrize("authorization", [None, "", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", "Bearer ünïcode"])
def test_metrics_require_the_token(client, configure, authorization):
    headers = {"Authorization": authorization} if authorization is not None else {}
    assert client.get("/metrics", headers=headers).status_code == 404
    configure(METRICS_TOKEN=TOKEN)
    assert client.get("/metrics", headers=headers).status_code == 404


def test_drift_is_reported_after_the_recount(db, read_metrics, run_jobs):
    ana = a_user("ana")
    publish_state(ana.id, "unread_message_count", 0)
    db.session.commit()
    enqueue("notifications.recount")
    db.session.commit()
    run_jobs()
    assert read_metrics()['microblog_count_drift{job="notifications.recount"}'] == 0
    db.session.execute(update(Notification).values(data=5))
    enqueue("notifications.recount")
    db.session.commit()
    run_jobs()
    assert read_metrics()['microblog_count_drift{job="notifications.recount"}'] == 1


def test_waiting_jobs_are_measured(db, read_metrics, valkey):
    assert read_metrics()["microblog_job_oldest_waiting_seconds"] == 0
    enqueue("notifications.recount", delay=60)
    late = enqueue("notifications.forget_activity")
    db.session.commit()
    db.session.execute(update(Job).where(Job.id == late.id).values(run_after=now() - timedelta(minutes=5)))
    db.session.commit()
    numbers = read_metrics()
    assert numbers['microblog_jobs{queue="slow",state="queued"}'] == 1
    assert 300 <= numbers["microblog_job_oldest_waiting_seconds"] < 330
    assert numbers["microblog_worker_alive"] == 0


def test_health_check_queries_the_database(client, make_app):
    assert client.get("/healthz").text == "ok\n"
    away = make_app(database_url="postgresql://nobody@127.0.0.1:1/nothing")
    assert away.test_client().get("/healthz").status_code == 503
