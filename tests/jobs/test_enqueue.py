"""Ordering a job: a row in the caller's transaction, a push after its commit."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.database import write_transaction
from app.core.time import now
from app.jobs import enqueue
from app.models import Job
from tests.factories import a_user


def queued(valkey, queue="default") -> list[str]:
    """The ids RQ holds, oldest first."""
    return [identity.decode() for identity in valkey.client.lrange(f"rq:queue:{queue}", 0, -1)]


def rows(db) -> list[Job]:
    return list(db.session.scalars(select(Job)).all())


def test_nothing_is_queued_before_the_commit(db, work, valkey):
    job = enqueue("test.work", number=1)
    assert queued(valkey) == []
    db.session.commit()
    assert queued(valkey) == [job.id]
    assert (job.state, job.attempts, job.progress) == ("queued", 0, 0)


def test_rollback_enqueues_nothing(db, work, valkey):
    enqueue("test.work")
    db.session.rollback()
    db.session.commit()
    assert rows(db) == []
    assert queued(valkey) == []


def test_job_of_a_rolled_back_savepoint_does_not_run(db, work, run_jobs, valkey):
    kept = enqueue("test.work", number=1)
    with db.session.begin_nested() as savepoint:
        enqueue("test.work", number=2)
        savepoint.rollback()
    db.session.commit()
    assert [row.id for row in rows(db)] == [kept.id]
    assert kept.id in queued(valkey)
    run_jobs()
    assert work.runs == [{"number": 1}]


def test_job_of_a_released_savepoint_is_queued_at_the_commit(db, work, valkey):
    with db.session.begin_nested():
        job = enqueue("test.work")
    assert queued(valkey) == []
    db.session.commit()
    assert queued(valkey) == [job.id]


def test_redis_outage_at_the_commit_loses_no_job(db, work, valkey, run_jobs):
    valkey.stop()
    enqueue("test.work", number=1)
    db.session.commit()
    assert len(rows(db)) == 1
    valkey.start()
    run_jobs()
    assert work.runs == [{"number": 1}]


def test_delayed_job_is_not_queued_before_its_time(db, work, valkey, run_jobs):
    job = enqueue("test.work", delay=60)
    db.session.commit()
    assert queued(valkey) == []
    assert job.run_after - job.queued_at == timedelta(seconds=60)
    assert run_jobs() == []
    assert [row.id for row in run_jobs(advance=60)] == [job.id]


def test_unknown_job_name_and_unserializable_arguments_raise_in_the_caller(db, work):
    with pytest.raises(KeyError):
        enqueue("test.no_such_job")
    with pytest.raises(TypeError):
        enqueue("test.work", when=now())
    assert rows(db) == []


def test_unique_key_allows_one_pending_job(db, work, run_jobs):
    first = enqueue("test.work", delay=60, unique_key="mail:1", number=1)
    db.session.commit()
    assert enqueue("test.work", delay=60, unique_key="mail:1", number=2).id == first.id
    assert enqueue("test.work", delay=60, unique_key="mail:2", number=3).id != first.id
    db.session.commit()
    run_jobs(advance=60)
    assert sorted(run["number"] for run in work.runs) == [1, 3]
    again = enqueue("test.work", delay=60, unique_key="mail:1", number=4)
    db.session.commit()
    assert again.id != first.id


def test_running_job_does_not_block_a_new_job_with_its_unique_key(db, work, run_jobs):
    """What is written while the job runs is not seen by it: another one has to run."""

    def order_again(**_args: object) -> None:
        if len(work.runs) == 1:
            with write_transaction():
                enqueue("test.work", unique_key="k", number=2)

    work.does = order_again
    enqueue("test.work", unique_key="k", number=1)
    db.session.commit()
    run_jobs()
    assert [run["number"] for run in work.runs] == [1, 2]


def test_owner_is_notified_of_the_task_in_the_same_commit(as_, db, work):
    ana = as_("ana")
    job = enqueue("test.work", owner=ana.user)
    db.session.commit()
    (told,) = ana.get("/notifications").get_json()
    assert told["name"] == "task_progress"
    assert told["data"] == {"task_id": job.id, "progress": 0, "state": "queued"}


def test_no_one_is_notified_of_a_job_without_owner(db, work, as_):
    a_user("ben")
    enqueue("test.work")
    db.session.commit()
    assert as_("ben").get("/notifications").get_json() == []


def test_unique_key_works_with_repeated_use(db, work):
    """After a few runs PostgreSQL plans for any parameter: the condition of a partial index must not be one."""
    for number in range(15):
        enqueue("test.work", delay=60, unique_key="often", number=number)
        db.session.commit()
    assert len(rows(db)) == 1
