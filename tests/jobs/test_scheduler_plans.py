"""What a round of the scheduler costs does not depend on how many jobs were done lately."""

from __future__ import annotations

import pytest

from app.jobs import enqueue, scheduler
from app.jobs.broker import held


def test_scheduler_queries_use_the_index_of_unfinished_jobs(app, db, valkey, queries):
    if db.engine.dialect.name != "sqlite":
        pytest.skip("SQLite says in one line which index it takes, however few rows there are")
    enqueue("notifications.forget_activity", delay=60)
    db.session.commit()
    with queries() as asked, app.app_context():
        scheduler.run_once()
    assert held("default") == set()
    assert len(asked) >= 2
    for statement in asked:
        explain = f"EXPLAIN QUERY PLAN {statement}"
        plan = db.session.connection().exec_driver_sql(explain, (1,) * statement.count("?")).all()
        for step in (row[-1] for row in plan):
            assert not step.startswith("SCAN") or "ix_job_open" in step, (statement, step)
