"""The log: whatever moderators and the operator do stands in it, and nothing changes it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.models import AuditEntry
from tests.moderation.conftest import does, log, looks, newest, reports


def shown(answer) -> list[str]:
    """The entries of a page, as deeds."""
    return re.findall(r'<li data-action="(\w+)">', answer.text)


def test_every_deed_is_one_entry_with_who_what_and_about_whom(town, db, reported):
    looks(town.mia, reported)
    does(town.mia, reported, "assign")
    does(town.mia, reported, "release")
    does(town.mia, reported, "warn", "Be kind")
    does(town.root, reported, "suspend")
    does(town.root, reported, "reinstate")
    does(town.mia, reported, "resolve", "Warned and suspended for a day")
    assert log(db) == [
        ("mia", "looked", ""), ("mia", "assigned", ""), ("mia", "released", ""), ("mia", "warned", "ben"),
        ("root", "suspended", "ben"), ("root", "reinstated", "ben"), ("mia", "resolved", ""),
    ]  # fmt: skip
    page = town.max.get("/moderation/log")
    assert shown(page) == [action for _actor, action, _person in reversed(log(db))]
    words = " ".join(re.sub(r"<[^>]+>", "", page.text).split())
    for sentence in ("@mia warned @ben", "@root suspended @ben", "Be kind", "Warned and suspended for a day"):
        assert sentence in words
    assert shown(town.max.get(f"/moderation/{reported.id}")) == shown(page)


def test_it_is_read_a_page_at_a_time_and_by_report_or_person(town, db, reported, configure):
    looks(town.mia, reported)
    does(town.mia, reported, "warn", "x")
    reports(town.ana, town.conversation, 1)
    looks(town.max, newest(db))
    path = "/moderation/log"
    assert shown(town.mia.get(f"{path}?report={reported.id}")) == ["warned", "looked"]
    assert shown(town.mia.get(f"{path}?report={newest(db).id}")) == ["looked"]
    for name in ("ben", "@BEN", "Ben"):
        assert shown(town.mia.get(path, query_string={"person": name})) == ["warned"]
    assert shown(town.mia.get(f"{path}?person=mia")) == ["warned", "looked"]
    assert shown(town.mia.get(f"{path}?person=nobody")) == []
    assert shown(town.mia.get(f"{path}?person=mia&report={newest(db).id}")) == []
    for odd in ("?report=x", "?report=-1", "?report=" + "9" * 40, "?person=" + "x" * 500, "?person=%00", "?before=x"):
        assert town.mia.get(path + odd).status_code == 200
    configure(POSTS_PER_PAGE=2)
    first = town.mia.get(path)
    assert shown(first) == ["looked", "warned"]
    older = re.search(r'rel="next" href="([^"]+)"', first.text)[1]
    assert shown(town.mia.get(older)) == ["looked"]


def test_names_outlive_their_accounts(town, db, reported):
    does(town.mia, reported, "warn", "x")
    entry = db.session.scalars(select(AuditEntry)).one()
    entry.actor_id = entry.person_id = None
    db.session.commit()
    page = town.root.get("/moderation/log?person=ben")
    assert shown(page) == ["warned"]
    assert "@mia" in page.text


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_no_door_changes_it(app, town, method):
    assert getattr(town.root, method)("/moderation/log").status_code in {400, 405}
    rules = [rule.rule for rule in app.url_map.iter_rules() if "log" in rule.rule.split("/") and "POST" in rule.methods]
    assert rules == []
