"""A block: neither comes across the other, and nobody is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from app.models import Activity, Block
from tests.factories import a_follow, a_post, a_user
from tests.privacy.conftest import (
    newest_timestamp,
    polled_states,
    posts_on,
    publish,
    send_text,
    submit_action,
    unread_counts,
)


def test_blocking_ends_both_follows_and_updates_counts(ana, ben, as_, follows):
    cleo = as_("cleo")
    a_follow(cleo.user, ben.user)
    submit_action(ana, "block", "ben")
    assert follows() == {(cleo.user.id, ben.user.id)}
    page = cleo.get("/user/ben").text
    assert "<b>1</b> follower<" in page
    assert "<b>0</b> following<" in page


@pytest.mark.parametrize(("one", "other"), [("ana", "ben"), ("ben", "ana")])
def test_blocked_members_cannot_follow_each_other(ana, ben, follows, one, other):
    submit_action(ana, "block", "ben")
    browser = {"ana": ana, "ben": ben}[one]
    answer = browser.post_form(f"/follow/{other}")
    assert "You can&#39;t follow this person." in browser.follow(answer).text
    assert follows() == set()


def test_blocking_hides_posts_in_both_directions(ana, ben, db):
    mine, theirs = a_post(ana.user, "kestrel"), a_post(ben.user, "kestrel")
    lists = ("/", "/explore", "/search?q=kestrel")
    for path in lists:
        assert posts_on(ana, path) == posts_on(ben, path) == [theirs.id, mine.id], path
    submit_action(ana, "block", "ben")
    a_follow(ana.user, ben.user)  # whatever made such a row: a block is stronger
    for path in lists:
        assert posts_on(ana, path) == [mine.id], path
        assert posts_on(ben, path) == [theirs.id], path
    assert posts_on(ana, "/user/ben") == posts_on(ben, "/user/ana") == []
    assert ana.get(f"/post/{theirs.id}").status_code == ben.get(f"/post/{mine.id}").status_code == 404
    assert ben.get("/timeline/news?after=0").json["count"] == ana.get("/timeline/news?after=0").json["count"] == 1
    submit_action(ana, "unblock", "ben")
    assert posts_on(ben, "/explore") == [theirs.id, mine.id]


def test_other_members_still_see_posts_of_both(ana, ben, as_):
    posts = [a_post(ana.user).id, a_post(ben.user).id]
    submit_action(ana, "block", "ben")
    assert posts_on(as_("cleo"), "/explore") == posts[::-1]


def test_new_posts_of_blocked_members_are_not_counted(ana, ben, db, run_jobs):
    since = newest_timestamp(ben)
    ana.get("/notifications?since=0")
    ben.get("/notifications?since=0")
    submit_action(ana, "block", "ben")
    a_follow(ben.user, ana.user)  # a follow that was on its way
    publish(ana, "hello")
    run_jobs()
    assert polled_states(ben, "timeline", since) == []
    assert polled_states(ana, "timeline") != []


def test_blocked_members_are_not_listed_or_found(ana, ben, as_, db):
    cleo = as_("cleo")
    for person in (ana.user, ben.user):
        a_follow(person, cleo.user)
        a_follow(cleo.user, person)
    for browser, other in ((ana, "ben"), (ben, "ana")):
        assert f"@{other}<" in browser.get("/user/cleo/followers").text
        assert f"@{other}<" in browser.get(f"/search?in=people&q={other}").text
    submit_action(ana, "block", "ben")
    for browser, other in ((ana, "ben"), (ben, "ana")):
        for path in ("/user/cleo/followers", "/user/cleo/following", f"/search?in=people&q={other}"):
            assert f"@{other}<" not in browser.get(path).text, path
        assert "<b>1</b> follower<" in browser.get("/user/cleo").text
    assert "@ben<" in cleo.get("/user/cleo/followers").text
    assert "<b>2</b> followers<" in cleo.get("/user/cleo").text


@pytest.mark.parametrize("deed", ["block", "mute"])
def test_blocked_and_muted_members_are_not_suggested(ana, ben, deed):
    cleo = a_user("cleo")
    a_follow(ana.user, cleo)
    a_follow(cleo, ben.user)
    ana.post_form("/unfollow/ben")
    suggested = "People you may know"
    assert suggested in ana.get("/user/ana/following").text
    submit_action(ana, deed, "ben")
    assert suggested not in ana.get("/user/ana/following").text


def test_profile_across_a_block_shows_only_the_name(ana, ben, db):
    ana.user.about_me = ben.user.about_me = "Grows peas and beans"
    db.session.commit()
    a_post(ana.user)
    cleo = a_user("cleo")
    a_follow(cleo, ana.user)
    a_follow(ana.user, cleo)
    for path in ("/user/ana", "/user/ana/popup"):
        assert "Grows peas" in ben.get(path).text
    submit_action(ana, "block", "ben")
    for browser, other in ((ben, "ana"), (ana, "ben")):
        page, card = browser.get(f"/user/{other}").text, browser.get(f"/user/{other}/popup").text
        assert f"@{other}" in page and f"@{other}" in card
        assert "Grows peas" not in page + card
        assert "Active today" not in page + card
    assert "No posts" in ben.get("/user/ana").text
    assert "<b>0</b> posts" in ben.get("/user/ana").text
    for path in ("/user/ana/followers", "/user/ana/following"):
        assert "No one yet" in ben.get(path).text


def test_blocker_sees_the_block_and_can_undo_it_but_the_other_is_not_notified(ana, ben):
    before = newest_timestamp(ben)
    answer = ana.submit("/user/ben", action="/block/ben")
    assert answer.headers["Location"] == "/user/ben"
    page = ana.follow(answer).text
    assert "You blocked ben." in page
    assert 'action="/unblock/ben"' in page and 'action="/follow/ben"' not in page
    assert 'action="/unblock' not in ana.get("/user/ben/popup").text
    for path in ("/", "/activity", "/user/ana", "/user/ana/popup"):
        assert (
            "block"
            not in ben.get(path).text.replace('action="/block/ana"', "").split("<main")[-1].split("about-person")[0]
        )
    assert not [name for name in ("mention", "follow") if polled_states(ben, name, before)]
    answer = ana.submit("/user/ben", action="/unblock/ben")
    assert "You unblocked ben." in ana.follow(answer).text
    assert 'action="/follow/ben"' in ana.get("/user/ben").text


def test_blocked_member_sees_an_explanation_instead_of_buttons(ana, ben):
    assert 'follow/ana"' in ben.get("/user/ana").text
    submit_action(ana, "block", "ben")
    for path in ("/user/ana", "/user/ana/popup"):
        page = ben.get(path).text
        assert 'follow/ana"' not in page and '"/messages/ana"' not in page, path
    page = ben.get("/user/ana").text
    assert "You can&#39;t follow or message this person." in page or "You can't follow or message this person." in page


@pytest.mark.slow
def test_blocking_removes_unread_items_from_badges_and_unblocking_restores_them(ana, ben, run_jobs, mails):
    for one, other in ((ana, "ben"), (ben, "ana")):
        assert send_text(one, other, "hello") == 303
        publish(one, f"listen, @{other}")
    assert unread_counts(ana) == unread_counts(ben) == (1, 1)
    submit_action(ana, "block", "ben")
    assert unread_counts(ana) == unread_counts(ben) == (0, 0)
    for browser in (ana, ben):
        assert "listen" not in browser.get("/activity").text
    run_jobs(advance=14 * 24 * 3600)
    assert len(mails) == 0
    submit_action(ana, "unblock", "ben")
    assert unread_counts(ana) == unread_counts(ben) == (1, 1)
    assert "listen" in ana.get("/activity").text
    run_jobs(advance=14 * 24 * 3600)
    # Each has one of the message, and one with the mention.
    assert sorted(mail.to for mail in mails) == ["ana <ana@example.org>"] * 2 + ["ben <ben@example.org>"] * 2


def test_hidden_events_are_not_marked_read(ana, ben, db):
    publish(ben, "listen, @ana")
    publish(ben, "and again, @ana")
    submit_action(ana, "block", "ben")
    assert ana.post_form("/activity/read", {"first": "0", "last": str(2**40)}).status_code == 303
    submit_action(ana, "unblock", "ben")
    assert unread_counts(ana) == (0, 2)


def test_no_events_are_recorded_across_a_block(ana, ben, db):
    submit_action(ana, "block", "ben")
    before = db.session.scalar(select(func.count()).select_from(Activity))
    publish(ben, "listen, @ana")
    publish(ana, "listen, @ben")
    assert db.session.scalar(select(func.count()).select_from(Activity)) == before
    assert unread_counts(ana) == unread_counts(ben) == (0, 0)


def test_filtered_page_hides_events_of_blocked_members(ana, ben, db):
    publish(ben, "a kestrel, @ana")
    event = db.session.scalars(select(Activity).where(Activity.user_id == ana.user.id)).one()
    event.filtered_by = "new_account"
    db.session.commit()
    assert "kestrel" in ana.get("/activity/held").text
    submit_action(ana, "block", "ben")
    assert "kestrel" not in ana.get("/activity/held").text
    assert ana.post_form(f"/activity/held/{event.id}/restore").status_code == 404


@pytest.mark.parametrize("first", ["ana", "ben"])
def test_open_conversation_pages_are_notified_of_a_block_and_writing_is_rejected(ana, ben, first):
    assert send_text(ana, "ben", "hello") == 303
    browsers = {"ana": ana, "ben": ben}
    clocks = {name: newest_timestamp(browser) for name, browser in browsers.items()}
    blocker, other = browsers.pop(first), next(iter(browsers.items()))
    submit_action(blocker, "block", other[0])
    for name, browser in (("ana", ana), ("ben", ben)):
        assert len(polled_states(browser, "conversation", clocks[name])) == 1
        refused = browser.post_form(f"/send_message/{'ben' if name == 'ana' else 'ana'}", {"message": "but wait"})
        assert refused.status_code == 422
        assert "You can&#39;t message this person." in refused.text
        assert "but wait" in refused.text
        assert "hello" in refused.text  # what was said stays said


def test_block_without_a_conversation_publishes_no_conversation_state(ana, as_):
    as_("cleo")
    submit_action(ana, "block", "cleo")
    assert polled_states(ana, "conversation") == []


def test_repeated_request_has_no_further_effect(ana, ben, db):
    for _again in range(2):
        submit_action(ana, "block", "ben")
    assert db.session.scalar(select(func.count()).select_from(Block)) == 1
    for _again in range(2):
        submit_action(ana, "unblock", "ben")
    assert db.session.scalar(select(func.count()).select_from(Block)) == 0


def test_mutual_blocks_are_removed_separately(ana, ben):
    post = a_post(ana.user)
    submit_action(ana, "block", "ben")
    submit_action(ben, "block", "ana")
    submit_action(ana, "unblock", "ben")
    assert posts_on(ben, "/explore") == []
    submit_action(ben, "unblock", "ana")
    assert posts_on(ben, "/explore") == [post.id]


def test_members_cannot_block_themselves_or_missing_accounts(ana, db):
    answer = ana.post_form("/block/ana")
    assert "You can&#39;t block yourself." in ana.follow(answer).text
    assert db.session.scalars(select(Block)).all() == []
    assert ana.post_form("/block/nobody").status_code == 404
    assert "/block/ana" not in ana.get("/user/ana").text


@pytest.mark.parametrize(
    ("target", "location"), [("/explore?before=9", "/explore?before=9"), ("//evil.example", "/user/ben")]
)
def test_next_redirects_back_but_never_to_another_site(ana, ben, target, location):
    assert ana.post_form("/block/ben", {"next": target}).headers["Location"] == location


@pytest.mark.slow
def test_concurrent_follow_and_block_leave_no_follow(ana, ben, db, follows):
    for round_of in range(8):
        calls = [(ana, "/block/ben", ana.csrf_token()), (ben, "/follow/ana", ben.csrf_token())]
        with ThreadPoolExecutor(2) as pool:
            order = calls if round_of % 2 else calls[::-1]
            jobs = [pool.submit(who.post, path, data={"csrf_token": token}) for who, path, token in order]
            assert {job.result().status_code for job in jobs} == {303}
        db.session.expire_all()
        assert follows() == set(), round_of
        submit_action(ana, "unblock", "ben")


def test_events_of_inactive_members_are_hidden(ana, ben, db):
    """Suspended, or waiting for their deletion: what they did is neither listed nor counted, until they are back."""
    publish(ben, "listen, @ana")
    for path in ("/unfollow/ana", "/follow/ana"):
        ben.post_form(path)
    assert unread_counts(ana) == (0, 2)
    ben.user.active = False
    db.session.commit()
    page = ana.get("/activity").text
    assert "listen" not in page and "Follows you" not in page
    assert 'data-badge="unread_activity_count" data-count="0"' in ana.get("/explore").text
    ben.user.active = True
    db.session.commit()
    assert unread_counts(ana) == (0, 2)
