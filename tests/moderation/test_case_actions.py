"""What moderators do about a report, each deed once, and each in the log."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from app.core.time import now
from app.models import Activity, AuditEntry, LoginSession, Report, User
from app.notifications import record_event
from tests.accounts.steps import a_browser, log_in
from tests.factories import PASSWORD, a_login, a_post, a_user
from tests.moderation.conftest import does, log, looks, newest, reports, said
from tests.support.changed_messages import told

# --- Looking


def test_the_page_shows_nothing_private_before_the_log_says_who_looks(town, db, reported):
    for path in ("/moderation", f"/moderation/{reported.id}"):
        page = town.mia.get(path).text
        assert "fool" not in page and "insults" not in page and reported.seal not in page
    assert town.mia.get(f"/moderation/{reported.id}/sealed.json").status_code == 404
    assert log(db) == []
    assert "You are a fool" in looks(town.mia, reported)
    assert town.mia.get(f"/moderation/{reported.id}/sealed.json").status_code == 200
    assert log(db) == [("mia", "looked", "")]
    assert "You are a fool" not in town.max.get(f"/moderation/{reported.id}").text


def test_looking_twice_is_looking_once(town, db, reported):
    looks(town.mia, reported)
    assert does(town.mia, reported, "look").status_code == 303
    assert log(db) == [("mia", "looked", "")]


def test_looking_at_one_report_shows_no_other(town, db, reported):
    looks(town.mia, reported)
    reports(town.ana, town.conversation, 3)
    assert "Never, fool" not in town.mia.get(f"/moderation/{newest(db).id}").text


# --- The queue


def test_the_oldest_report_comes_first_and_pages_lead_to_the_rest(town, db, configure):
    configure(POSTS_PER_PAGE=2)
    made = []
    for _ in range(5):
        reports(town.ana, town.conversation, 1, note="")
        made.append(newest(db).id)
    assert places(town.mia.get("/moderation")) == made[:2]
    assert places(town.mia.get(f"/moderation?after={made[1]}")) == made[2:4]
    assert places(town.mia.get(f"/moderation?after={made[3]}")) == made[4:]
    assert f"/moderation?after={made[1]}" in town.mia.get("/moderation").text
    for number in made[:3]:
        assert does(town.mia, db.session.get(Report, number), "resolve", "Nothing").status_code == 303
    assert places(town.mia.get("/moderation")) == made[3:]
    assert places(town.mia.get("/moderation?state=resolved")) == [made[2], made[1]]
    assert places(town.mia.get(f"/moderation?state=resolved&before={made[1]}")) == [made[0]]


def places(answer) -> list[int]:
    return [int(part.split('"')[0]) for part in answer.text.split('class="name" href="/moderation/')[1:]]


def test_the_queue_asks_the_same_few_questions_however_long_it_is(town, db, queries):
    def asked():
        with queries() as found:
            assert town.mia.get("/moderation").status_code == 200
        return len(found)

    reports(town.ana, town.conversation, 1)
    asked()  # notes when the moderator was last seen
    one = asked()
    for _ in range(5):
        reports(town.ana, town.conversation, 1)
    assert asked() == one <= 4


# --- Taking and giving back


def test_a_report_is_taken_by_one_and_given_back(town, db, reported):
    assert does(town.mia, reported, "assign").status_code == 303
    assert "Assigned to you" in town.mia.get(f"/moderation/{reported.id}").text
    assert "mia" in town.max.get("/moderation").text
    for deed, words in (("assign", None), ("release", None), ("resolve", "x"), ("warn", "x"), ("suspend", None)):
        answer = does(town.max, reported, deed, words)
        assert (answer.status_code, said(answer)) == (422, "This report is assigned to mia.")
    assert said(does(town.mia, reported, "assign")) == "This report is already assigned to you."
    assert does(town.mia, reported, "release").status_code == 303
    assert said(does(town.mia, reported, "release")) == "This report isn't assigned to anyone."
    assert does(town.max, reported, "assign").status_code == 303
    assert does(town.root, reported, "release").status_code == 303
    assert log(db) == [
        ("mia", "assigned", ""),
        ("mia", "released", ""),
        ("max", "assigned", ""),
        ("root", "released", ""),
    ]


@pytest.mark.parametrize("deed", ["assign", "resolve", "warn", "suspend"])
def test_of_two_at_once_one_acts_and_the_other_hears_why_not(app, town, db, reported, deed):
    """Nothing is doubled; for two who take it at once, one has it."""
    number = reported.id
    tokens = {}
    for name in ("mia", "max"):
        browser = getattr(town, name)
        token = browser.csrf_token()
        tokens[name] = (token, browser.get_cookie("microblog_session", domain="microblog.test").value)
    db.session.commit()

    def act(name):
        browser = app.test_client()
        browser.set_cookie("microblog_session", tokens[name][1], domain="microblog.test")
        data = {"csrf_token": tokens[name][0], "words": "Stop that"}
        return browser.post(f"/moderation/{number}/{deed}", data=data).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(act, ("mia", "max"))) == [303, 422]
    assert len(log(db)) == 1


# --- Resolving


def test_a_resolved_report_is_closed_and_its_reporter_hears_only_that(town, db, reported):
    assert does(town.mia, reported, "resolve", "Ben was warned by hand").status_code == 303
    assert log(db) == [("mia", "resolved", "")]
    assert "Ben was warned by hand" in town.max.get(f"/moderation/{reported.id}").text
    page = town.ana.get("/activity").text
    assert "The moderators have reviewed your report" in page
    assert f"/report/receipt/{reported.id}" in page
    for path in ("/activity", f"/report/receipt/{reported.id}"):
        assert "by hand" not in town.ana.get(path).text
        assert "mia" not in town.ana.get(path).text
    assert "Reviewed by the moderators" in town.ana.get(f"/report/receipt/{reported.id}").text
    for deed, words in (("assign", None), ("resolve", "again"), ("warn", "x"), ("suspend", None), ("release", None)):
        assert said(does(town.max, reported, deed, words)) == "This report has already been resolved."
    assert len(log(db)) == 1


@pytest.mark.parametrize("deed", ["resolve", "warn"])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [(" ", "Write something first."), ("y" * 1001, "This is too long. The limit is 1000 characters.")],
)
def test_words_that_are_refused_are_kept_in_their_form(town, db, reported, deed, words, sentence):
    answer = does(town.mia, reported, deed, words)
    assert (answer.status_code, said(answer)) == (422, sentence)
    assert answer.text.count("y" * 1001) == ("y" in words)
    assert log(db) == []


# --- Warning


def test_a_warning_reaches_the_accused_by_mail_and_on_their_page(town, db, reported, mails, run_jobs):
    assert does(town.mia, reported, "warn", "Be kind.\nOr go.").status_code == 303
    assert log(db) == [("mia", "warned", "ben")]
    page = town.ben.get("/activity").text
    assert "The moderators of this site sent you a warning" in page and "Be kind.\nOr go." in page
    run_jobs()
    (mail,) = mails.to("ben@example.org")
    assert mail.subject == "The moderators of this site sent you a warning"
    assert "> Be kind.\r\n> Or go." in mail.text and "Be kind." in mail.html
    assert "ana" not in mail.text and "mia" not in mail.text and "fool" not in mail.text
    assert said(does(town.max, reported, "warn", "Once more")) == "A warning has already been sent for this report."
    run_jobs(advance=86_400)
    assert len([mail for mail in mails.to("ben@example.org") if "warning" in mail.subject]) == 1


def test_nobody_switches_warnings_off(town, reported, mails, run_jobs):
    page = town.ben.get("/notification_settings")
    assert "warning-mail" not in page.text
    town.ben.submit(
        "/notification_settings", {"message-mail": "none", "warning-mail": "none"}, action="/notification_settings"
    )
    does(town.mia, reported, "warn", "Be kind")
    run_jobs()
    assert [mail.subject for mail in mails.to("ben@example.org")] == ["The moderators of this site sent you a warning"]


# --- Suspending


def test_a_suspended_person_is_out_everywhere_and_hears_it_at_the_door(town, db, reported, app):
    a_login(town.ben.user)
    a_post(town.ben.user, "Ben's words to everybody")
    assert does(town.mia, reported, "suspend").status_code == 303
    ben = db.session.get(User, town.ben.user.id)
    assert (ben.active, ben.suspended_at is not None) == (False, True)
    assert db.session.scalars(select(LoginSession).where(LoginSession.user_id == ben.id)).all() == []
    assert town.ben.get("/").status_code == 302
    assert town.ben.get("/notifications").status_code == 401
    assert "Ben's words" not in town.ana.get("/explore").text
    assert town.ana.get("/user/ben").status_code == 404
    assert "You are a fool" in town.ana.get("/messages/ben").text
    assert log(db) == [("mia", "suspended", "ben")]
    door = a_browser(app)
    assert said(log_in(door, "ben", PASSWORD)) == "This account is suspended."
    assert said(log_in(door, "ben@example.org", PASSWORD)) == "This account is suspended."
    assert "Incorrect username or password" in said(log_in(door, "ben", "a wrong password"))
    assert door.get("/").status_code == 302


def test_a_suspension_is_ended_also_when_its_report_is_closed(town, db, reported, app):
    does(town.mia, reported, "suspend")
    does(town.mia, reported, "resolve", "Suspended")
    assert said(does(town.mia, reported, "suspend")) == "This report has already been resolved."
    assert does(town.max, reported, "reinstate").status_code == 303
    assert said(does(town.max, reported, "reinstate")) == "This account isn't suspended."
    assert log_in(a_browser(app), "ben", PASSWORD).status_code == 303
    assert log(db)[-1] == ("max", "reinstated", "ben")


def test_badges_of_others_hear_that_a_person_is_suspended_and_back(town, db, reported, run_jobs):
    record_event(town.ana.user.id, "follow", "ben", actor=town.ben.user)
    db.session.commit()
    assert told(db, town.ana, "unread_activity_count") == 1
    does(town.mia, reported, "suspend")
    run_jobs()
    assert told(db, town.ana, "unread_activity_count") == 0
    does(town.mia, reported, "reinstate")
    run_jobs()
    assert told(db, town.ana, "unread_activity_count") == 1


def test_suspending_twice_is_refused(town, db, reported):
    reports(town.ana, town.conversation, 1)
    second = newest(db)
    assert does(town.mia, reported, "suspend").status_code == 303
    assert said(does(town.max, second, "suspend")) == "This account is already suspended."
    assert len(log(db)) == 1


def test_a_warning_to_a_closed_account_is_refused(town, db, reported):
    does(town.mia, reported, "suspend")
    answer = does(town.mia, reported, "warn", "Be kind")
    assert said(answer) == "This account is inactive, so a warning wouldn't reach anyone."


def test_with_a_deleted_account_nothing_can_be_done_but_resolve(town, db, reported):
    db.session.execute(update(Report).values(accused_id=None))
    db.session.commit()
    page = town.mia.get(f"/moderation/{reported.id}").text
    assert "/warn" not in page and "/suspend" not in page and "(deleted account)" in page
    for deed, words in (("warn", "x"), ("suspend", None), ("reinstate", None)):
        assert said(does(town.mia, reported, deed, words)) == "This account has been deleted."
    assert does(town.mia, reported, "resolve", "Gone by themselves").status_code == 303


# --- Who judges whom


@pytest.mark.slow
@pytest.mark.parametrize(
    ("judge", "role", "may"),
    [
        ("mia", "member", True),
        ("mia", "translator", True),
        ("mia", "moderator", False),
        ("mia", "admin", False),
        ("root", "member", True),
        ("root", "moderator", True),
        ("root", "admin", True),
    ],
)
def test_moderators_judge_those_below_them_and_admins_everybody(town, db, reported, judge, role, may):
    town.ben.user.role = role
    db.session.commit()
    browser = getattr(town, judge)
    page = browser.get(f"/moderation/{reported.id}").text
    assert ("/suspend" in page, "/warn" in page) == (may, may)
    for deed, words in (("warn", "x"), ("suspend", None), ("reinstate", None)):
        answer = does(browser, reported, deed, words)
        assert answer.status_code == (303 if may else 422), deed
        assert may or said(answer) == "Only an admin can take action against a moderator."
    assert len(log(db)) == (3 if may else 0)


def test_who_is_no_longer_a_moderator_is_out_at_once(town, db, reported):
    looks(town.mia, reported)
    town.mia.user.role = "member"
    db.session.commit()
    assert town.mia.get(f"/moderation/{reported.id}").status_code == 404
    assert does(town.mia, reported, "resolve", "x").status_code == 404


def test_a_refused_deed_leaves_nothing_behind(town, db, reported):
    does(town.mia, reported, "assign")
    before = log(db)
    for deed in ("warn", "suspend", "resolve"):
        does(town.max, reported, deed, "x")
    db.session.expire_all()
    assert log(db) == before
    assert db.session.get(User, town.ben.user.id).active
    assert db.session.scalars(select(Activity).where(Activity.kind.in_(["warning", "report_closed"]))).all() == []
    assert {entry.report_id for entry in db.session.scalars(select(AuditEntry))} == {reported.id}


def test_a_login_that_began_before_the_suspension_does_not_survive_it(town, db, reported, app):
    """The row of the person is locked by both, so the login either goes with the others or is refused."""
    password_hash = town.ben.user.password_hash
    number = reported.id
    token, cookie = town.mia.csrf_token(), town.mia.get_cookie("microblog_session", domain="microblog.test").value
    db.session.commit()

    def suspend():
        browser = app.test_client()
        browser.set_cookie("microblog_session", cookie, domain="microblog.test")
        return browser.post(f"/moderation/{number}/suspend", data={"csrf_token": token}).status_code

    def come_in():
        return log_in(a_browser(app), "ben", PASSWORD).status_code

    with ThreadPoolExecutor(2) as pool:
        suspended, came = pool.submit(suspend), pool.submit(come_in)
        assert suspended.result() == 303
        assert came.result() in {303, 422}
    db.session.expire_all()
    assert password_hash == db.session.get(User, town.ben.user.id).password_hash
    assert db.session.scalars(select(LoginSession).where(LoginSession.user_id == town.ben.user.id)).all() == []


def test_a_person_who_waits_for_their_deletion_stays_closed_when_reinstated(town, db, reported):
    town.ben.user.active, town.ben.user.deletion_due_at = False, now()
    db.session.commit()
    assert does(town.mia, reported, "suspend").status_code == 303
    assert does(town.mia, reported, "reinstate").status_code == 303
    db.session.expire_all()
    assert town.ben.user.active is False
    assert a_user("other").active
