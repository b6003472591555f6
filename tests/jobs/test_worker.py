"""The worker process: what a signal finds at every moment. The rest is in tests/faults, with real processes."""

from __future__ import annotations

import signal

import pytest

from app.jobs import worker


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
