"""The worker process: its scheduler. The rest is in tests/faults, with real processes."""

from __future__ import annotations

from sqlalchemy.exc import OperationalError

from app.jobs import worker


def test_unreachable_database_is_logged_in_one_line_until_it_is_back(app, caplog):
    """It is asked every second: a traceback each time would fill the log's disk in an outage of an hour."""

    def absent():
        raise OperationalError("SELECT 1", {}, Exception("connection refused\nIs it running?"))

    guard = worker._Guard(app)
    for step in (absent, absent, lambda: None, absent):
        guard.run(step)
    said = [record for record in caplog.records if record.name == app.logger.name]
    assert [record.levelname for record in said] == ["WARNING"] * 3
    assert said[0].getMessage() == "the scheduler waits for the database: connection refused"
    assert not any(record.exc_info for record in said)


def test_unexpected_scheduler_error_is_logged_with_traceback(app, caplog):
    def broken():
        raise ValueError("a fault")

    worker._Guard(app).run(broken)
    assert "a fault" in caplog.text
    assert "Traceback" in caplog.text
