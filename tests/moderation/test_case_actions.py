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
from tests.moderation.conftest import act_on, audit_log, last_note, newest_report, send_report, view_evidence
from tests.support.changed_messages import published_state

# --- Looking


def test_evidence_is_hidden_until_viewing_it_is_logged(members, db, reported):
    for path in ("/moderation", f"/moderation/{reported.id}"):
        page = members.mia.get(path).text
        assert "fool" not in page and "insults" not in page and reported.seal not in page
    assert members.mia.get(f"/moderation/{reported.id}/sealed.json").status_code == 404
    assert audit_log(db) == []
    assert "You are a fool" in view_evidence(members.mia, reported)
    assert members.mia.get(f"/moderation/{reported.id}/sealed.json").status_code == 200
    assert audit_log(db) == [("mia", "looked", "")]
    assert "You are a fool" not in members.max.get(f"/moderation/{reported.id}").text


def test_viewing_evidence_twice_is_logged_once(members, db, reported):
    view_evidence(members.mia, reported)
    assert act_on(members.mia, reported, "look").status_code == 303
    assert audit_log(db) == [("mia", "looked", "")]


def test_viewing_one_report_reveals_no_other(members, db, reported):
    view_evidence(members.mia, reported)
    send_report(members.ana, members.conversation, 3)
    assert "Never, fool" not in members.mia.get(f"/moderation/{newest_report(db).id}").text


# --- The queue


def test_report_queue_is_oldest_first_and_paged(members, db, configure):
    configure(POSTS_PER_PAGE=2)
    made = []
    for _ in range(5):
        send_report(members.ana, members.conversation, 1, note="")
        made.append(newest_report(db).id)
    assert report_ids(members.mia.get("/moderation")) == made[:2]
    assert report_ids(members.mia.get(f"/moderation?after={made[1]}")) == made[2:4]
    assert report_ids(members.mia.get(f"/moderation?after={made[3]}")) == made[4:]
    assert f"/moderation?after={made[1]}" in members.mia.get("/moderation").text
    for number in made[:3]:
        assert act_on(members.mia, db.session.get(Report, number), "resolve", "Nothing").status_code == 303
    assert report_ids(members.mia.get("/moderation")) == made[3:]
    assert report_ids(members.mia.get("/moderation?state=resolved")) == [made[2], made[1]]
    assert report_ids(members.mia.get(f"/moderation?state=resolved&before={made[1]}")) == [made[0]]


def report_ids(answer) -> list[int]:
    return [int(part.split('"')[0]) for part in answer.text.split('class="name" href="/moderation/')[1:]]


def test_report_queue_takes_few_statements_for_any_length(members, db, queries):
    def asked():
        with queries() as found:
            assert members.mia.get("/moderation").status_code == 200
        return len(found)

    send_report(members.ana, members.conversation, 1)
    asked()  # notes when the moderator was last seen
    one = asked()
    for _ in range(5):
        send_report(members.ana, members.conversation, 1)
    assert asked() == one <= 4


# --- Taking and giving back


def test_report_can_be_assigned_to_one_moderator_and_released(members, db, reported):
    assert act_on(members.mia, reported, "assign").status_code == 303
    assert "Assigned to you" in members.mia.get(f"/moderation/{reported.id}").text
    assert "mia" in members.max.get("/moderation").text
    for deed, words in (("assign", None), ("release", None), ("resolve", "x"), ("warn", "x"), ("suspend", None)):
        answer = act_on(members.max, reported, deed, words)
        assert (answer.status_code, last_note(answer)) == (422, "This report is assigned to mia.")
    assert last_note(act_on(members.mia, reported, "assign")) == "This report is already assigned to you."
    assert act_on(members.mia, reported, "release").status_code == 303
    assert last_note(act_on(members.mia, reported, "release")) == "This report isn't assigned to anyone."
    assert act_on(members.max, reported, "assign").status_code == 303
    assert act_on(members.root, reported, "release").status_code == 303
    assert audit_log(db) == [
        ("mia", "assigned", ""),
        ("mia", "released", ""),
        ("max", "assigned", ""),
        ("root", "released", ""),
    ]


@pytest.mark.parametrize("deed", ["assign", "resolve", "warn", "suspend"])
def test_one_of_two_concurrent_moderation_actions_is_rejected(app, members, db, reported, deed):
    """Nothing is doubled; for two who take it at once, one has it."""
    number = reported.id
    tokens = {}
    for name in ("mia", "max"):
        browser = getattr(members, name)
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
    assert len(audit_log(db)) == 1


# --- Resolving


def test_reporter_is_notified_of_the_resolution_without_details(members, db, reported):
    assert act_on(members.mia, reported, "resolve", "Ben was warned by hand").status_code == 303
    assert audit_log(db) == [("mia", "resolved", "")]
    assert "Ben was warned by hand" in members.max.get(f"/moderation/{reported.id}").text
    page = members.ana.get("/activity").text
    assert "The moderators have reviewed your report" in page
    assert f"/report/receipt/{reported.id}" in page
    for path in ("/activity", f"/report/receipt/{reported.id}"):
        assert "by hand" not in members.ana.get(path).text
        assert "mia" not in members.ana.get(path).text
    assert "Reviewed by the moderators" in members.ana.get(f"/report/receipt/{reported.id}").text
    for deed, words in (("assign", None), ("resolve", "again"), ("warn", "x"), ("suspend", None), ("release", None)):
        assert last_note(act_on(members.max, reported, deed, words)) == "This report has already been resolved."
    assert len(audit_log(db)) == 1


@pytest.mark.parametrize("deed", ["resolve", "warn"])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [(" ", "Write something first."), ("y" * 1001, "This is too long. The limit is 1000 characters.")],
)
def test_rejected_form_text_is_kept(members, db, reported, deed, words, sentence):
    answer = act_on(members.mia, reported, deed, words)
    assert (answer.status_code, last_note(answer)) == (422, sentence)
    assert answer.text.count("y" * 1001) == ("y" in words)
    assert audit_log(db) == []


# --- Warning


def test_warning_is_sent_by_email_and_shown_in_activity(members, db, reported, mails, run_jobs):
    assert act_on(members.mia, reported, "warn", "Be kind.\nOr go.").status_code == 303
    assert audit_log(db) == [("mia", "warned", "ben")]
    page = members.ben.get("/activity").text
    assert "The moderators of this site sent you a warning" in page and "Be kind.\nOr go." in page
    run_jobs()
    (mail,) = mails.to("ben@example.org")
    assert mail.subject == "The moderators of this site sent you a warning"
    assert "> Be kind.\r\n> Or go." in mail.text and "Be kind." in mail.html
    assert "ana" not in mail.text and "mia" not in mail.text and "fool" not in mail.text
    assert (
        last_note(act_on(members.max, reported, "warn", "Once more"))
        == "A warning has already been sent for this report."
    )
    run_jobs(advance=86_400)
    assert len([mail for mail in mails.to("ben@example.org") if "warning" in mail.subject]) == 1


def test_warnings_cannot_be_turned_off(members, reported, mails, run_jobs):
    page = members.ben.get("/notification_settings")
    assert "warning-mail" not in page.text
    members.ben.submit(
        "/notification_settings", {"message-mail": "none", "warning-mail": "none"}, action="/notification_settings"
    )
    act_on(members.mia, reported, "warn", "Be kind")
    run_jobs()
    assert [mail.subject for mail in mails.to("ben@example.org")] == ["The moderators of this site sent you a warning"]


# --- Suspending


def test_suspended_member_is_logged_out_and_cannot_log_in(members, db, reported, app):
    a_login(members.ben.user)
    a_post(members.ben.user, "Ben's words to everybody")
    assert act_on(members.mia, reported, "suspend").status_code == 303
    ben = db.session.get(User, members.ben.user.id)
    assert (ben.active, ben.suspended_at is not None) == (False, True)
    assert db.session.scalars(select(LoginSession).where(LoginSession.user_id == ben.id)).all() == []
    assert members.ben.get("/").status_code == 302
    assert members.ben.get("/notifications").status_code == 401
    assert "Ben's words" not in members.ana.get("/explore").text
    assert members.ana.get("/user/ben").status_code == 404
    assert "You are a fool" in members.ana.get("/messages/ben").text
    assert audit_log(db) == [("mia", "suspended", "ben")]
    door = a_browser(app)
    assert last_note(log_in(door, "ben", PASSWORD)) == "This account is suspended."
    assert last_note(log_in(door, "ben@example.org", PASSWORD)) == "This account is suspended."
    assert "Incorrect username or password" in last_note(log_in(door, "ben", "a wrong password"))
    assert door.get("/").status_code == 302


def test_suspension_can_be_lifted_after_its_report_is_resolved(members, db, reported, app):
    act_on(members.mia, reported, "suspend")
    act_on(members.mia, reported, "resolve", "Suspended")
    assert last_note(act_on(members.mia, reported, "suspend")) == "This report has already been resolved."
    assert act_on(members.max, reported, "reinstate").status_code == 303
    assert last_note(act_on(members.max, reported, "reinstate")) == "This account isn't suspended."
    assert log_in(a_browser(app), "ben", PASSWORD).status_code == 303
    assert audit_log(db)[-1] == ("max", "reinstated", "ben")


def test_suspension_and_reinstatement_update_badges_of_others(members, db, reported, run_jobs):
    record_event(members.ana.user.id, "follow", "ben", actor=members.ben.user)
    db.session.commit()
    assert published_state(db, members.ana, "unread_activity_count") == 1
    act_on(members.mia, reported, "suspend")
    run_jobs()
    assert published_state(db, members.ana, "unread_activity_count") == 0
    act_on(members.mia, reported, "reinstate")
    run_jobs()
    assert published_state(db, members.ana, "unread_activity_count") == 1


def test_member_cannot_be_suspended_twice(members, db, reported):
    send_report(members.ana, members.conversation, 1)
    second = newest_report(db)
    assert act_on(members.mia, reported, "suspend").status_code == 303
    assert last_note(act_on(members.max, second, "suspend")) == "This account is already suspended."
    assert len(audit_log(db)) == 1


def test_warning_to_a_closed_account_is_rejected(members, db, reported):
    act_on(members.mia, reported, "suspend")
    answer = act_on(members.mia, reported, "warn", "Be kind")
    assert last_note(answer) == "This account is inactive, so a warning wouldn't reach anyone."


def test_report_about_a_deleted_account_can_only_be_resolved(members, db, reported):
    db.session.execute(update(Report).values(accused_id=None))
    db.session.commit()
    page = members.mia.get(f"/moderation/{reported.id}").text
    assert "/warn" not in page and "/suspend" not in page and "(deleted account)" in page
    for deed, words in (("warn", "x"), ("suspend", None), ("reinstate", None)):
        assert last_note(act_on(members.mia, reported, deed, words)) == "This account has been deleted."
    assert act_on(members.mia, reported, "resolve", "Gone by themselves").status_code == 303


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
def test_moderators_act_on_lower_roles_and_admins_on_everyone(members, db, reported, judge, role, may):
    members.ben.user.role = role
    db.session.commit()
    browser = getattr(members, judge)
    page = browser.get(f"/moderation/{reported.id}").text
    assert ("/suspend" in page, "/warn" in page) == (may, may)
    for deed, words in (("warn", "x"), ("suspend", None), ("reinstate", None)):
        answer = act_on(browser, reported, deed, words)
        assert answer.status_code == (303 if may else 422), deed
        assert may or last_note(answer) == "Only an admin can take action against a moderator."
    assert len(audit_log(db)) == (3 if may else 0)


def test_former_moderator_loses_access_immediately(members, db, reported):
    view_evidence(members.mia, reported)
    members.mia.user.role = "member"
    db.session.commit()
    assert members.mia.get(f"/moderation/{reported.id}").status_code == 404
    assert act_on(members.mia, reported, "resolve", "x").status_code == 404


def test_rejected_moderation_action_changes_nothing(members, db, reported):
    act_on(members.mia, reported, "assign")
    before = audit_log(db)
    for deed in ("warn", "suspend", "resolve"):
        act_on(members.max, reported, deed, "x")
    db.session.expire_all()
    assert audit_log(db) == before
    assert db.session.get(User, members.ben.user.id).active
    assert db.session.scalars(select(Activity).where(Activity.kind.in_(["warning", "report_closed"]))).all() == []
    assert {entry.report_id for entry in db.session.scalars(select(AuditEntry))} == {reported.id}


def test_login_concurrent_with_a_suspension_is_ended(members, db, reported, app):
    """The row of the person is locked by both, so the login either goes with the others or is refused."""
    password_hash = members.ben.user.password_hash
    number = reported.id
    token, cookie = members.mia.csrf_token(), members.mia.get_cookie("microblog_session", domain="microblog.test").value
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
    assert password_hash == db.session.get(User, members.ben.user.id).password_hash
    assert db.session.scalars(select(LoginSession).where(LoginSession.user_id == members.ben.user.id)).all() == []


def test_account_pending_deletion_stays_closed_after_reinstatement(members, db, reported):
    members.ben.user.active, members.ben.user.deletion_due_at = False, now()
    db.session.commit()
    assert act_on(members.mia, reported, "suspend").status_code == 303
    assert act_on(members.mia, reported, "reinstate").status_code == 303
    db.session.expire_all()
    assert members.ben.user.active is False
    assert a_user("other").active
