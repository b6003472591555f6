"""Names that are offered while someone types "@" or "#"."""

from __future__ import annotations

import pytest

from app.models import Block
from app.queries import name_prefixes
from tests.factories import a_follow, a_post, a_user


@pytest.fixture
def ana(as_):
    return as_("ana")


def offered(browser, q, kind="people"):
    answer = browser.get("/suggestions", query_string={"q": q, "in": kind})
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    return [one["text"] for one in answer.json]


def test_people_one_follows_come_first(ana):
    followed, other = a_user("benedict", name="Ben Öz"), a_user("bena")
    a_follow(ana.user, followed)
    assert offered(ana, "be") == ["@benedict", "@bena"]
    assert offered(ana, "oz") == ["@benedict"]
    assert offered(ana, "bena") == [f"@{other.username}"]
    assert offered(ana, "") == ["@benedict"]
    assert ana.get("/suggestions?q=oz").json[0]["name"] == "Ben Öz"


def test_of_strangers_two_letters_are_needed_and_of_friends_one(ana):
    a_user("bena")
    assert offered(ana, "b") == []
    a_follow(ana.user, a_user("ben"))
    assert offered(ana, "b") == ["@ben"]


def test_nobody_apart_nobody_gone_not_oneself(ana, db):
    blocked, blocking, gone = a_user("andy"), a_user("andrea"), a_user("andre")
    a_follow(ana.user, blocked)
    a_follow(ana.user, gone)
    gone.active = False
    pairs = ((ana.user, blocked), (blocking, ana.user))
    db.session.add_all(Block(blocker_id=one.id, blocked_id=two.id) for one, two in pairs)
    for q in ("", "an", "andy", "andrea", "ana"):
        assert offered(ana, q) == []


def test_tags_used_lately(ana):
    a_post(ana.user, "#winter #Tide")
    a_post(a_user("ben"), "#tides")
    assert offered(ana, "ti", "tags") == ["#tides", "#Tide"]
    assert offered(ana, "", "tags")[0] == "#tides"
    assert set(offered(ana, "", "tags")) == {"#winter", "#Tide", "#tides"}
    assert offered(ana, "%", "tags") == []


def test_an_old_tag_is_found_by_its_whole_name(ana, monkeypatch):
    a_post(ana.user, "#equinox")
    a_post(ana.user, "#solstice")
    monkeypatch.setattr(name_prefixes, "TAGS_LOOKED_AT", 1)
    assert offered(ana, "equi", "tags") == []
    assert offered(ana, "equinox", "tags") == ["#equinox"]


@pytest.mark.parametrize("kind", ["people", "tags"])
def test_each_answer_is_two_statements(ana, queries, kind):
    a_post(ana.user, "#tide")
    a_follow(ana.user, a_user("tia"))
    offered(ana, "ti", kind)
    with queries() as asked:
        offered(ana, "ti", kind)
    assert len(asked) == 2, asked


@pytest.mark.slow
def test_only_members_are_answered_and_not_without_end(ana, client, rate_limits):
    assert client.get("/suggestions?q=ana").status_code in {302, 303, 401}
    statuses = [ana.get("/suggestions?q=an").status_code for _ in range(121)]
    assert statuses[-1] == 429
