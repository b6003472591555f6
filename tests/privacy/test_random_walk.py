"""A walk over every address of the site that shows posts or people, by two whom a block keeps apart.

What each wrote holds a word that stands nowhere else. New routes are walked by being there; tests/visibility walks for
messages.
"""

from __future__ import annotations

import pytest
from werkzeug.routing import Rule

from tests.factories import a_follow, a_user
from tests.privacy.conftest import publish, submit_action

WORDS = {"ana": "kestrel", "ben": "albatross"}
# Where the words stand while nothing keeps the two apart: the walk finds what there is to find.
SHOWN = {
    "posts.home",
    "posts.explore",
    "posts.show",
    "posts.history",
    "posts.quote",
    "posts.search",
    "profiles.show",
    "activity.index",
    "moderation.report_post",
}
KEY = "ledger"  # the word in both that a search looks for: its answer repeats what was asked


def addresses(app, method: str, **values: object) -> list[tuple[Rule, str]]:
    """Every address that these values fill."""
    found = []
    for rule in app.url_map.iter_rules():
        if method in rule.methods and rule.arguments <= set(values):
            found.append((rule, rule.build({name: values[name] for name in rule.arguments}, append_unknown=False)[1]))
    assert len(found) > 15
    return found


@pytest.fixture
def members(ana, ben, db):
    """Each has posted, and named the other; cleo is known to both. `posts` are the ids by author."""
    cleo = a_user("cleo")
    for person in (ana.user, ben.user):
        a_follow(person, cleo)
        a_follow(cleo, person)
    publish(ana, "ledger kestrel for @ben")
    publish(ben, "ledger albatross for @ana")
    ana.posts = {browser.user.username: latest_timestamp(browser) for browser in (ana, ben)}
    return {"ana": ana, "ben": ben}


def latest_timestamp(browser) -> int:
    page = browser.get(f"/user/{browser.user.username}").text
    return int(page.split('id="post-')[1].split('"')[0])


def surfaces_showing(app, browser, other: str, posts: dict[str, int]) -> set[str]:
    """Where the words of the other one stand."""
    places = set()
    for rule, address in addresses(app, "GET", username=other, post_id=posts[other]):
        for query in ({}, {"q": KEY}, {"q": other, "in": "people"}):
            if WORDS[other].encode() in browser.get(address, query_string=query).data:
                places.add(rule.endpoint)
    return places


@pytest.mark.slow
@pytest.mark.parametrize(("reader", "other"), [("ana", "ben"), ("ben", "ana")])
def test_blocked_members_never_see_each_others_texts(app, members, ana, reader, other):
    assert surfaces_showing(app, members[reader], other, ana.posts) == SHOWN
    submit_action(ana, "block", "ben")
    assert surfaces_showing(app, members[reader], other, ana.posts) == set()


@pytest.mark.parametrize(("reader", "other"), [("ana", "ben"), ("ben", "ana")])
def test_routes_treat_posts_across_a_block_like_missing_posts(app, members, ana, reader, other):
    submit_action(ana, "block", "ben")
    for method in ("GET", "POST"):
        ask = members[reader].get if method == "GET" else members[reader].post_form
        rules = [rule for rule, _address in addresses(app, method, post_id=1) if "post_id" in rule.arguments]
        assert rules
        for rule in rules:
            theirs, none = (ask(rule.build({"post_id": number})[1]) for number in (ana.posts[other], 999))
            assert theirs.status_code == none.status_code in {303, 404}, rule
    assert f'id="post-{ana.posts[other]}"' in members[other].get("/explore").text
