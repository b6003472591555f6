"""Names that are offered while someone types "@" or "#"."""

from __future__ import annotations

import pytest

from app.models import Block
from app.queries import name_prefixes
from tests.factories import a_follow, a_post, a_user


@pytest.fixture
def ana(as_):
    return as_("ana")


def suggested(browser, q, kind="people"):
    answer = browser.get("/suggestions", query_string={"q": q, "in": kind})
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    return [one["text"] for one in answer.json]


def test_followed_members_are_suggested_first(ana):
    followed, other = a_user("benedict", name="Ben Öz"), a_user("bena")
    a_follow(ana.user, followed)
    assert suggested(ana, "be") == ["@benedict", "@bena"]
    assert suggested(ana, "oz") == ["@benedict"]
    assert suggested(ana, "bena") == [f"@{other.username}"]
    assert suggested(ana, "") == ["@benedict"]
    assert ana.get("/suggestions?q=oz").json[0]["name"] == "Ben Öz"


def test_strangers_need_two_letters_and_followed_members_one(ana):
    a_user("bena")
    assert suggested(ana, "b") == []
    a_follow(ana.user, a_user("ben"))
    assert suggested(ana, "b") == ["@ben"]


def test_blocked_and_inactive_members_and_the_viewer_are_not_suggested(ana, db):
    blocked, blocking, gone = a_user("andy"), a_user("andrea"), a_user("andre")
    a_follow(ana.user, blocked)
    a_follow(ana.user, gone)
    gone.active = False
    pairs = ((ana.user, blocked), (blocking, ana.user))
    db.session.add_all(Block(blocker_id=one.id, blocked_id=two.id) for one, two in pairs)
    for q in ("", "an", "andy", "andrea", "ana"):
        assert suggested(ana, q) == []


def test_recent_tags_are_suggested(ana):
    a_post(ana.user, "#winter #Tide")
    a_post(a_user("ben"), "#tides")
    assert suggested(ana, "ti", "tags") == ["#tides", "#Tide"]
    assert suggested(ana, "", "tags")[0] == "#tides"
    assert set(suggested(ana, "", "tags")) == {"#winter", "#Tide", "#tides"}
    assert suggested(ana, "%", "tags") == []


def test_old_tag_is_suggested_for_its_full_name(ana, monkeypatch):
    a_post(ana.user, "#equinox")
    a_post(ana.user, "#solstice")
    monkeypatch.setattr(name_prefixes, "TAGS_LOOKED_AT", 1)
    assert suggested(ana, "equi", "tags") == []
    assert suggested(ana, "equinox", "tags") == ["#equinox"]


def test_restricted_posts_do_not_push_tags_out_of_the_suggestions(ana, as_, monkeypatch):
    ben, _cleo = as_("ben"), a_user("cleo")
    monkeypatch.setattr(name_prefixes, "TAGS_LOOKED_AT", 2)
    for level in ("members", "followers", "followers", "mentioned"):
        form = {"post": f"@cleo #tide{level}", "visibility": level}
        assert ben.submit("/", form, action="/post").status_code == 303
    assert suggested(ana, "ti", "tags") == ["#tidemembers"]


@pytest.mark.parametrize("kind", ["people", "tags"])
def test_suggestions_take_two_statements(ana, queries, kind):
    a_post(ana.user, "#tide")
    a_follow(ana.user, a_user("tia"))
    suggested(ana, "ti", kind)
    with queries() as asked:
        suggested(ana, "ti", kind)
    assert len(asked) == 2, asked


@pytest.mark.one_database  # the limits are in Redis
@pytest.mark.slow
def test_suggestions_require_login_and_are_rate_limited(ana, client, rate_limits):
    assert client.get("/suggestions?q=ana").status_code in {302, 303, 401}
    statuses = [ana.get("/suggestions?q=an").status_code for _ in range(121)]
    assert statuses[-1] == 429
