"""The log: whatever moderators and the operator do stands in it, and nothing changes it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.models import AuditEntry
from tests.moderation.conftest import act_on, audit_log, newest_report, send_report, view_evidence


def log_entries(answer) -> list[str]:
    """The entries of a page, as deeds."""
    return re.findall(r'<li data-action="(\w+)">', answer.text)


def test_every_moderation_action_is_logged_with_actor_and_target(members, db, reported):
    view_evidence(members.mia, reported)
    act_on(members.mia, reported, "assign")
    act_on(members.mia, reported, "release")
    act_on(members.mia, reported, "warn", "Be kind")
    act_on(members.root, reported, "suspend")
    act_on(members.root, reported, "reinstate")
    act_on(members.mia, reported, "resolve", "Warned and suspended for a day")
    assert audit_log(db) == [
        ("mia", "looked", ""), ("mia", "assigned", ""), ("mia", "released", ""), ("mia", "warned", "ben"),
        ("root", "suspended", "ben"), ("root", "reinstated", "ben"), ("mia", "resolved", ""),
    ]  # fmt: skip
    page = members.max.get("/moderation/log")
    assert log_entries(page) == [action for _actor, action, _person in reversed(audit_log(db))]
    words = " ".join(re.sub(r"<[^>]+>", "", page.text).split())
    for sentence in ("@mia warned @ben", "@root suspended @ben", "Be kind", "Warned and suspended for a day"):
        assert sentence in words
    assert log_entries(members.max.get(f"/moderation/{reported.id}")) == log_entries(page)


def test_audit_log_is_paged_and_filtered_by_report_or_person(members, db, reported, configure):
    view_evidence(members.mia, reported)
    act_on(members.mia, reported, "warn", "x")
    send_report(members.ana, members.conversation, 1)
    view_evidence(members.max, newest_report(db))
    path = "/moderation/log"
    assert log_entries(members.mia.get(f"{path}?report={reported.id}")) == ["warned", "looked"]
    assert log_entries(members.mia.get(f"{path}?report={newest_report(db).id}")) == ["looked"]
    for name in ("ben", "@BEN", "Ben"):
        assert log_entries(members.mia.get(path, query_string={"person": name})) == ["warned"]
    assert log_entries(members.mia.get(f"{path}?person=mia")) == ["warned", "looked"]
    assert log_entries(members.mia.get(f"{path}?person=nobody")) == []
    assert log_entries(members.mia.get(f"{path}?person=mia&report={newest_report(db).id}")) == []
    for odd in ("?report=x", "?report=-1", "?report=" + "9" * 40, "?person=" + "x" * 500, "?person=%00", "?before=x"):
        assert members.mia.get(path + odd).status_code == 200
    configure(POSTS_PER_PAGE=2)
    first = members.mia.get(path)
    assert log_entries(first) == ["looked", "warned"]
    older = re.search(r'rel="next" href="([^"]+)"', first.text)[1]
    assert log_entries(members.mia.get(older)) == ["looked"]


def test_audit_log_keeps_names_of_deleted_accounts(members, db, reported):
    act_on(members.mia, reported, "warn", "x")
    entry = db.session.scalars(select(AuditEntry)).one()
    entry.actor_id = entry.person_id = None
    db.session.commit()
    page = members.root.get("/moderation/log?person=ben")
    assert log_entries(page) == ["warned"]
    assert "@mia" in page.text


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_audit_log_cannot_be_changed_by_any_route(app, members, method):
    assert getattr(members.root, method)("/moderation/log").status_code in {400, 405}
    rules = [rule.rule for rule in app.url_map.iter_rules() if "log" in rule.rule.split("/") and "POST" in rule.methods]
    assert rules == []
