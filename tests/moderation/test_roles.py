"""Who gets in where: every address of moderation, found in the URL map, for everybody there is."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.core import roles
from app.models import AuditEntry, ReportedMessage
from tests.factories import a_user
from tests.moderation.conftest import looks


def addresses(app, prefix: str) -> list[tuple[str, str]]:
    """(method, rule) of every route below a prefix."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith(prefix)]
    return sorted((method, rule.rule) for rule in rules for method in rule.methods - {"HEAD", "OPTIONS"})


def fill(rule: str, report_id: int) -> str:
    """The address of a rule, for this report and its first picture."""
    path = rule.replace("<int(max=2147483647):report_id>", str(report_id))
    return path.replace("<int(max=2147483647):number>", "0")


def asked(browser, method: str, path: str):
    return browser.get(path) if method == "GET" else browser.post_form(path, {"words": "words"})


def test_the_matrix_knows_every_address(app):
    assert {rule for _method, rule in addresses(app, "/moderation")} == {
        "/moderation",
        "/moderation/log",
        *(
            "/moderation/<int(max=2147483647):report_id>" + rest
            for rest in (
                "", "/look", "/picture/<int(max=2147483647):number>", "/sealed.json",
                "/assign", "/release", "/resolve", "/warn", "/remove_post", "/suspend", "/reinstate",
            )
        ),
    }  # fmt: skip


@pytest.mark.slow
def test_who_is_no_moderator_finds_nothing_and_changes_nothing(app, town, db, reported, as_, client):
    tia = as_(a_user("tia", role="translator"))
    odd = as_(a_user("odd", role="emperor"))
    before = db.session.query(AuditEntry).count()
    for method, rule in addresses(app, "/moderation"):
        path = fill(rule, reported.id)
        for who in (town.ana, town.ben, tia, odd, as_("eve")):
            assert asked(who, method, path).status_code == 404, (method, path, who.user.username)
        answer = asked(client, method, path)
        assert answer.status_code == 302 and "/auth/login" in answer.location
    db.session.expire_all()
    assert db.session.query(AuditEntry).count() == before
    assert (town.ben.user.active, reported.state, reported.assignee_id) == (True, "open", None)


@pytest.mark.parametrize("role", ["moderator", "admin"])
@pytest.mark.parametrize("part", ["accused", "reporter", "writer"])
def test_who_is_part_of_a_report_has_no_door_to_it(app, town, db, reported, as_, role, part):
    person = {"accused": town.ben, "reporter": town.ana, "writer": town.max}[part]
    person.user.role = role
    if part == "writer":
        reported_rows = list(db.session.scalars(reported_messages(reported)))
        reported_rows[1].sender_name = "max"
    db.session.commit()
    for method, rule in addresses(app, "/moderation/<"):
        assert asked(person, method, fill(rule, reported.id)).status_code == 404, (method, rule)
    assert f"/moderation/{reported.id}" not in person.get("/moderation").text
    db.session.expire_all()
    assert db.session.query(AuditEntry).count() == 0
    looks(town.mia, reported)
    assert "looked" not in person.get("/moderation/log").text
    assert "looked" in town.root.get("/moderation/log").text


def reported_messages(report):
    return select(ReportedMessage).where(ReportedMessage.report_id == report.id).order_by(ReportedMessage.seq)


@pytest.mark.parametrize("name", ["mia", "root"])
def test_a_moderator_finds_every_page(app, town, reported, name):
    browser = getattr(town, name)
    looks(browser, reported)
    for method, rule in addresses(app, "/moderation"):
        if method == "GET" and "number" not in rule:
            assert browser.get(fill(rule, reported.id)).status_code == 200, rule
    for number in (999, 2**31, 10**20):
        assert browser.get(f"/moderation/{number}").status_code == 404
        assert browser.post_form(f"/moderation/{number}/assign").status_code == 404


def test_a_get_writes_nothing(app, town, db, reported):
    for method, rule in addresses(app, "/moderation"):
        if method == "GET":
            town.mia.get(fill(rule, reported.id))
    assert db.session.query(AuditEntry).count() == 0


def test_a_deed_needs_its_token(app, town, db, reported):
    for method, rule in addresses(app, "/moderation"):
        if method == "POST":
            assert town.mia.post(fill(rule, reported.id)).status_code == 400
    assert db.session.query(AuditEntry).count() == 0


def test_a_suspended_moderator_is_out(town, db, reported):
    town.mia.user.active = False
    db.session.commit()
    assert town.mia.get("/moderation").status_code == 302


def test_only_moderators_are_shown_the_way(town):
    for browser, shown in ((town.ana, False), (town.mia, True), (town.root, True)):
        for path in ("/", "/edit_profile"):
            assert ('href="/moderation"' in browser.get(path).text) is shown


def test_each_role_may_what_those_before_it_may():
    for place, role in enumerate(roles.ROLES):
        assert [roles.is_at_least(role, needed) for needed in roles.ROLES] == [
            needed <= place for needed in range(len(roles.ROLES))
        ]
    assert not roles.is_at_least("emperor", "member")
