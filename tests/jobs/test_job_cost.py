"""What a job costs: few statements, few write transactions, and none where there is nothing to do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, delete, event, update
from sqlalchemy.exc import OperationalError

from app import mailer
from app.core.database import read_transaction, write_transaction
from app.core.time import now
from app.delivery import email_limits
from app.jobs import enqueue, finish, perform, runner
from app.jobs.registry import definitions
from app.models import Conversation, ConversationMember, Job, LoginSession, MailTally, Notification, PostDraft, User
from app.notifications import scheduling
from tests.factories import a_follow, a_login, a_message, a_post, a_user
from tests.support.client import in_new_context

WRITES = ("INSERT", "UPDATE", "DELETE")
OF_CLAIM_AND_END = 2  # statements; each is a write transaction


class Costs:
    """What a block did to the database: the statements, and how many transactions wrote or took the write lock."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.write_transactions = 0
        self.is_writing = False

    def executed(self, _connection, _cursor, statement, _parameters, _context, _many) -> None:
        if statement == "BEGIN IMMEDIATE" or statement.startswith(WRITES):
            self.write_transactions += not self.is_writing
            self.is_writing = True
        if not statement.startswith(("BEGIN", "PRAGMA")):
            self.statements.append(" ".join(statement.split()))

    def ended(self, _connection) -> None:
        self.is_writing = False


@pytest.fixture
def costs(app, db, monkeypatch):
    """Count what a call costs: `costs(call)`. Without heartbeats: on a busy machine a short job lasts long enough."""
    monkeypatch.setattr(runner, "HEARTBEAT_EVERY", 3600)

    def count(call) -> Costs:
        db.session.commit()
        seen = Costs()
        listeners = {"before_cursor_execute": seen.executed, "commit": seen.ended, "rollback": seen.ended}

        def inside():
            with app.app_context(), read_transaction():
                call()

        for name, listener in listeners.items():
            event.listen(Engine, name, listener)
        try:
            in_new_context(inside)
        finally:
            for name, listener in listeners.items():
                event.remove(Engine, name, listener)
        db.session.expire_all()
        return seen

    return count


def queued(db, name, **args) -> str:
    identity = enqueue(name, **args).id
    db.session.commit()
    return identity


def state_of(db, identity) -> str:
    return db.session.get(Job, identity, populate_existing=True).state


@pytest.fixture
def unread(db):
    """ben, whom ana has sent a message."""
    ana, ben = a_user("ana"), a_user("ben")
    a_message(ana, ben)
    db.session.commit()
    return ben


def test_a_job_that_writes_nothing_costs_its_claim_and_its_end(db, work, costs):
    identity = queued(db, "test.work")
    spent = costs(lambda: perform(identity))
    assert state_of(db, identity) == "done"
    assert len(spent.statements) == OF_CLAIM_AND_END, spent.statements
    assert spent.write_transactions == 2


def test_an_email_about_a_message_is_marked_in_the_transaction_that_ends_its_job(db, unread, costs, mails):
    identity = queued(db, scheduling.MAIL_JOB, user_id=unread.id, cadence="now")
    spent = costs(lambda: perform(identity))
    assert (state_of(db, identity), len(mails)) == ("done", 1)
    assert len(spent.statements) <= 9 + OF_CLAIM_AND_END, spent.statements
    assert spent.write_transactions == 2


def test_an_email_about_the_account_writes_its_claim_and_its_end(db, unread, costs, mails):
    facts = {"user_id": unread.id, "what": "password", "to": "", "at": now().isoformat()}
    identity = queued(db, "accounts.mail_notice", **facts)
    spent = costs(lambda: perform(identity))
    assert (state_of(db, identity), len(mails)) == ("done", 1)
    assert len(spent.statements) == 1 + OF_CLAIM_AND_END, spent.statements
    assert spent.write_transactions == 2


def test_nothing_is_rendered_or_sent_under_the_write_lock(db, unread, costs, mails, monkeypatch):
    seen = []

    def noting(real):
        def noted(*args, **kwargs):
            seen.append(db.session().in_transaction())
            return real(*args, **kwargs)

        return noted

    for module, name in ((mailer, "compose"), (mailer, "deliver")):
        monkeypatch.setattr(module, name, noting(getattr(module, name)))
    identity = queued(db, scheduling.MAIL_JOB, user_id=unread.id, cadence="now")
    costs(lambda: perform(identity))
    assert seen == [False, False]


def test_the_last_write_and_the_end_are_retried_together(db, unread, costs, mails, monkeypatch):
    """The database is locked when the email has been sent. It must not be sent again."""
    real, failures = email_limits.note_sent, [OperationalError("INSERT", {}, Exception("database is locked"))] * 2

    def busy(*args):
        real(*args)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(email_limits, "note_sent", busy)
    monkeypatch.setattr(runner.time, "sleep", lambda _seconds: None)
    identity = queued(db, scheduling.MAIL_JOB, user_id=unread.id, cadence="now")
    costs(lambda: perform(identity))
    assert (state_of(db, identity), len(mails), failures) == ("done", 1, [])
    assert db.session.query(MailTally).one().sent == 1
    assert db.session.query(ConversationMember).filter_by(user_id=unread.id).one().mailed_seq == 1


def test_the_last_write_needs_no_row_that_was_loaded_before(db, unread, costs, mails, monkeypatch):
    """The conversation and the browser's subscription may be deleted while the database is busy."""
    real, failures = email_limits.note_sent, [OperationalError("INSERT", {}, Exception("database is locked"))]

    def busy(*args):
        real(*args)
        if failures:
            raise failures.pop()

    def meanwhile(_seconds):
        with db.engine.begin() as connection:
            connection.execute(delete(Conversation))

    monkeypatch.setattr(email_limits, "note_sent", busy)
    monkeypatch.setattr(runner.time, "sleep", meanwhile)
    identity = queued(db, scheduling.MAIL_JOB, user_id=unread.id, cadence="now")
    costs(lambda: perform(identity))
    assert (state_of(db, identity), len(mails), failures) == ("done", 1, [])


def test_a_last_write_is_not_repeated_after_a_commit_without_an_answer(db, work, costs, monkeypatch):
    """The server has committed, and the connection broke before it could say so."""
    ana_id, real = a_user("ana").id, runner._change

    def unanswered(*args, **values):
        monkeypatch.setattr(runner, "_change", real)
        real(*args, **values)
        raise OperationalError("COMMIT", {}, Exception("server closed the connection unexpectedly"))

    def last():
        monkeypatch.setattr(runner, "_change", unanswered)
        finish(lambda: db.session.execute(update(User).values(about_me=User.about_me + "once")))

    work.does = lambda **_args: last()
    monkeypatch.setattr(runner.time, "sleep", lambda _seconds: None)
    identity = queued(db, "test.work")
    costs(lambda: perform(identity))
    assert state_of(db, identity) == "done"
    assert db.session.get(User, ana_id).about_me == "once"


def test_the_last_write_of_an_attempt_that_was_taken_over_is_kept(db, work, costs):
    """The email was sent: the attempt that took over must find it marked, or it would send another."""
    ana = a_user("ana")
    ana_id = ana.id
    runs = []

    def write():
        runs.append(1)
        db.session.get(User, ana_id).about_me += "written once"
        db.session.flush()

    def overtaken(**_args):
        with write_transaction():
            db.session.get(Job, runner.current_job_id()).run_token = "another's"
        finish(write)

    work.does = overtaken
    identity = queued(db, "test.work")
    costs(lambda: perform(identity))
    job = db.session.get(Job, identity, populate_existing=True)
    assert (job.state, job.run_token) == ("running", "another's")
    assert (ana.about_me, len(runs)) == ("written once", 2)


def test_a_last_write_that_fails_leaves_the_job_to_be_retried(db, work, costs):
    ana = a_user("ana")
    ana_id = ana.id

    def fail():
        db.session.get(User, ana_id).about_me = "half"
        db.session.flush()
        raise ValueError("a bug")

    work.does = lambda **_args: finish(fail)
    identity = queued(db, "test.work")
    costs(lambda: perform(identity))
    job = db.session.get(Job, identity, populate_existing=True)
    assert (job.state, job.attempts, ana.about_me) == ("queued", 1, "")
    assert "a bug" in job.error


def test_an_error_after_the_last_write_changes_nothing(db, work, costs, caplog):
    def fail_late(**_args):
        finish(lambda: None, {"kept": True})
        raise ValueError("too late")

    work.does = fail_late
    identity = queued(db, "test.work")
    costs(lambda: perform(identity))
    job = db.session.get(Job, identity, populate_existing=True)
    assert (job.state, job.result, job.error) == ("done", {"kept": True}, "")
    assert "too late" in caplog.text


def test_there_is_nothing_to_finish_outside_a_job(app):
    with app.app_context(), pytest.raises(LookupError):
        finish(lambda: None)


@pytest.fixture
def population(db):
    """Rows of every kind that periodic jobs look at. None is old."""
    ana, ben = a_user("ana"), a_user("ben")
    a_follow(ana, ben)
    a_post(ben)
    a_message(ana, ben)
    a_login(ana)
    db.session.add(MailTally(day=now().date(), user_id=ana.id, sent=1))
    db.session.add(PostDraft(user_id=ana.id, form_key="one", body="Dear", language="", saved_at=now()))
    db.session.commit()
    return ana


PERIODIC = sorted(name for name, one in definitions.items() if one.every is not None)


def test_there_are_periodic_jobs():
    assert len(PERIODIC) >= 11


@pytest.mark.parametrize("name", PERIODIC)
def test_a_periodic_job_takes_no_write_lock_when_there_is_nothing_to_do(db, population, costs, name):
    assert costs(definitions[name].function).write_transactions == 0


def test_periodic_jobs_still_delete_what_is_old(db, population, costs):
    long_ago = now() - timedelta(days=400)
    db.session.add(MailTally(day=long_ago.date(), user_id=population.id, sent=1))
    db.session.add(PostDraft(user_id=population.id, form_key="two", body="", language="", saved_at=long_ago))
    a_login(population, expires_at=long_ago)
    gone = queued(db, "notifications.forget_poll", owner=population, user_id=population.id)
    db.session.execute(delete(Job).where(Job.id == gone))
    db.session.commit()
    for name in PERIODIC:
        costs(definitions[name].function)
    assert [db.session.query(model).count() for model in (MailTally, PostDraft, LoginSession)] == [1, 1, 1]
    assert db.session.query(Notification).filter_by(name="task_progress").count() == 0
