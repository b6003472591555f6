"""The worker process: what a signal finds at every moment. The rest is in tests/faults, with real processes."""

from __future__ import annotations

import signal

import pytest
from sqlalchemy.exc import OperationalError

from app.jobs import worker


def test_an_absent_database_is_one_line_until_it_is_back(app, caplog):
    """It is asked every second: a traceback each time would fill the log's disk in an outage of an hour."""

    def absent():
        raise OperationalError("SELECT 1", {}, Exception("connection refused\nIs it running?"))

    guard = worker._Guard(app)
    for step in (absent, absent, lambda: None, absent):
        guard.run(step)
    said = [record for record in caplog.records if record.name == app.logger.name]
    assert [record.levelname for record in said] == ["WARNING"] * 3
    assert said[0].getMessage() == "the sweeper waits for the database: connection refused"
    assert not any(record.exc_info for record in said)


def test_a_fault_of_the_sweeper_keeps_its_traceback(app, caplog):
    def broken():
        raise ValueError("a fault")

    worker._Guard(app).run(broken)
    assert "a fault" in caplog.text
    assert "Traceback" in caplog.text


def test_a_signal_between_two_rq_workers_is_not_lost(app, monkeypatch):
    """RQ's worker has ended because Redis went away during a job, and left its handlers behind."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    def work(self, **_options):
        self._install_signal_handlers()

    def pause(_seconds):
        assert signal.getsignal(signal.SIGTERM) == signal.getsignal(signal.SIGINT) == signal.SIG_DFL
        raise TimeoutError("seen")

    monkeypatch.setattr(worker._RqWorker, "work", work)
    monkeypatch.setattr(worker.time, "sleep", pause)
    try:
        with pytest.raises(TimeoutError, match="seen"):
            worker._run_rq(app, ["mail"])
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
