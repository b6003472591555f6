"""Who gets in where: every address of moderation, found in the URL map, for everybody there is."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.core import roles
from app.models import AuditEntry, ReportedMessage
from tests.factories import a_user
from tests.moderation.conftest import view_evidence


def addresses(app, prefix: str) -> list[tuple[str, str]]:
    """(method, rule) of every route below a prefix."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith(prefix)]
    return sorted((method, rule.rule) for rule in rules for method in rule.methods - {"HEAD", "OPTIONS"})


def fill(rule: str, report_id: int) -> str:
    """The address of a rule, for this report and its first picture."""
    path = rule.replace("<int(max=2147483647):report_id>", str(report_id))
    return path.replace("<int(max=2147483647):number>", "0")


def send_request(browser, method: str, path: str):
    return browser.get(path) if method == "GET" else browser.post_form(path, {"words": "words"})


def test_permission_matrix_covers_every_moderation_route(app):
    assert {rule for _method, rule in addresses(app, "/moderation")} == {
        "/moderation",
        "/moderation/log",
        *(
            "/moderation/<int(max=2147483647):report_id>" + rest
            for rest in (
                "", "/look", "/picture/<int(max=2147483647):number>", "/sealed.json", "/post",
                "/assign", "/release", "/resolve", "/warn", "/remove_post", "/suspend", "/reinstate",
            )
        ),
    }  # fmt: skip


@pytest.mark.slow
def test_members_without_a_moderator_role_get_404_and_change_nothing(app, members, db, reported, as_, client):
    tia = as_(a_user("tia", role="translator"))
    odd = as_(a_user("odd", role="emperor"))
    before = db.session.query(AuditEntry).count()
    for method, rule in addresses(app, "/moderation"):
        path = fill(rule, reported.id)
        for who in (members.ana, members.ben, tia, odd, as_("eve")):
            assert send_request(who, method, path).status_code == 404, (method, path, who.user.username)
        answer = send_request(client, method, path)
        assert answer.status_code == 302 and "/auth/login" in answer.location
    db.session.expire_all()
    assert db.session.query(AuditEntry).count() == before
    assert (members.ben.user.active, reported.state, reported.assignee_id) == (True, "open", None)


@pytest.mark.parametrize("role", ["moderator", "admin"])
@pytest.mark.parametrize("part", ["accused", "reporter", "writer"])
def test_people_involved_in_a_report_cannot_access_it(app, members, db, reported, as_, role, part):
    person = {"accused": members.ben, "reporter": members.ana, "writer": members.max}[part]
    person.user.role = role
    if part == "writer":
        reported_rows = list(db.session.scalars(reported_messages(reported)))
        reported_rows[1].sender_name = "max"
    db.session.commit()
    for method, rule in addresses(app, "/moderation/<"):
        assert send_request(person, method, fill(rule, reported.id)).status_code == 404, (method, rule)
    assert f"/moderation/{reported.id}" not in person.get("/moderation").text
    db.session.expire_all()
    assert db.session.query(AuditEntry).count() == 0
    view_evidence(members.mia, reported)
    assert "looked" not in person.get("/moderation/log").text
    assert "looked" in members.root.get("/moderation/log").text


def reported_messages(report):
    return select(ReportedMessage).where(ReportedMessage.report_id == report.id).order_by(ReportedMessage.seq)


@pytest.mark.parametrize("name", ["mia", "root"])
def test_moderators_can_open_every_moderation_page(app, members, reported, name):
    browser = getattr(members, name)
    view_evidence(browser, reported)
    for method, rule in addresses(app, "/moderation"):
        if method == "GET" and "number" not in rule:
            expected = 404 if rule.endswith("/post") else 200  # the report is about messages
            assert browser.get(fill(rule, reported.id)).status_code == expected, rule
    for number in (999, 2**31, 10**20):
        assert browser.get(f"/moderation/{number}").status_code == 404
        assert browser.post_form(f"/moderation/{number}/assign").status_code == 404


def test_get_requests_write_nothing(app, members, db, reported):
    for method, rule in addresses(app, "/moderation"):
        if method == "GET":
            members.mia.get(fill(rule, reported.id))
    assert db.session.query(AuditEntry).count() == 0


def test_moderation_actions_require_a_csrf_token(app, members, db, reported):
    for method, rule in addresses(app, "/moderation"):
        if method == "POST":
            assert members.mia.post(fill(rule, reported.id)).status_code == 400
    assert db.session.query(AuditEntry).count() == 0


def test_suspended_moderator_loses_access(members, db, reported):
    members.mia.user.active = False
    db.session.commit()
    assert members.mia.get("/moderation").status_code == 302


def test_moderation_link_is_shown_to_moderators_only(members):
    for browser, shown in ((members.ana, False), (members.mia, True), (members.root, True)):
        for path in ("/", "/edit_profile"):
            assert ('href="/moderation"' in browser.get(path).text) is shown


def test_each_role_includes_the_permissions_of_lower_roles():
    for place, role in enumerate(roles.ROLES):
        assert [roles.is_at_least(role, needed) for needed in roles.ROLES] == [
            needed <= place for needed in range(len(roles.ROLES))
        ]
    assert not roles.is_at_least("emperor", "member")
