"""Replies: written below a post, shown in its thread, and told to its author."""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import delete, func, select, update

from app.core.exceptions import ActionError
from app.extensions import db as the_db
from app.jobs import enqueue
from app.models import Activity, Job, Post, PostCount, User
from app.posts import counters
from app.posts.actions import reply
from app.privacy.actions import block
from app.queries import threads, timelines
from tests.factories import a_follow, a_post, a_user
from tests.posts.test_timelines import posts_on
from tests.support.client import in_new_context

AT_ONCE = 8
GONE = "This post isn&#39;t available."


def answer(browser, post, body="I agree", **form):
    """Reply through the form."""
    said = browser.submit(f"/post/{post.id}", {"post": body, **form}, action=f"/post/{post.id}/reply")
    assert said.status_code == 303, said.text
    return int(re.search(r"/post/(\d+)#post-\1$", said.headers["Location"])[1])


def a_reply(author, post, body="I agree"):
    """A reply, by the action."""
    values = {"viewer_id": author.id, "post_id": post.id}
    loaded = the_db.session.scalar(timelines.by_id(), values, execution_options={"populate_existing": True})
    row = reply(author, loaded, body)
    the_db.session.commit()
    return the_db.session.get_one(Post, row.id, populate_existing=True)


def count_on(page, post):
    """The number of replies that a page shows for a post."""
    shown = re.search(rf'id="post-{post.id}".*?post-actions.*?</div>', page, re.DOTALL)[0]
    found = re.search(r"</svg><span>(\d+)</span>", shown)
    return int(found[1]) if found else 0


def test_a_reply_is_published_below_its_post(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    number = answer(ben, post, "I agree", language="es")
    row = db.session.get_one(Post, number)
    assert (row.body, row.language, row.reply_to_id, row.author_id) == ("I agree", "es", post.id, ben.user.id)
    assert posts_on(ana.get(f"/post/{post.id}").text) == [post.id, number]
    page = ben.get(f"/post/{number}").text
    assert posts_on(page) == [post.id, number]
    assert "Replying to" not in page
    assert count_on(page, post) == 1


def test_a_script_hears_where_the_reply_is(as_, db):
    ana = as_("ana")
    post = a_post(ana.user)
    said = ana.post_form(f"/post/{post.id}/reply", {"post": "Hello"}, headers={"Accept": "application/json"})
    number = db.session.scalar(select(func.max(Post.id)))
    assert (said.status_code, said.get_json()) == (201, {"url": f"/post/{number}#post-{number}"})


def test_replies_are_not_on_home_and_explore_but_on_the_profile(as_, run_jobs):
    ana, ben = as_("ana"), as_("ben")
    a_follow(ana.user, ben.user)
    first, second = a_post(ben.user), a_post(ben.user)
    ana.get("/notifications")
    number = answer(ben, first)
    assert [job.name for job in run_jobs()] == []
    assert posts_on(ana.get("/").text) == posts_on(ana.get("/explore").text) == [second.id, first.id]
    page = ana.get("/user/ben").text
    assert posts_on(page) == [number, second.id, first.id]
    assert "Replying to <bdi>@ben</bdi>" in page
    assert ana.get(f"/timeline/news?after={second.id}").get_json() == {"count": 0, "more": False}
    assert number in posts_on(ana.get("/search?q=agree").text)


@pytest.mark.parametrize("body", ["", "  ", "a" * 501])
def test_what_cannot_be_a_reply_is_refused_and_kept(as_, db, body):
    ana = as_("ana")
    post = a_post(ana.user)
    said = ana.post_form(f"/post/{post.id}/reply", {"post": body})
    assert said.status_code == 422
    assert body.strip()[:400] in said.text
    assert db.session.scalar(select(func.count(Post.id))) == 1


def test_refused_reply_is_answered_in_json_to_a_script(as_, db):
    ana, ben = as_("ana"), as_("ben")
    page = f"/post/{a_post(ana.user).id}"
    as_json = {"Accept": "application/json"}
    said = ben.post_form(f"{page}/reply", {"post": " "}, headers=as_json)
    assert said.status_code == 422 and said.get_json()["error"]
    assert ana.post_form(f"{page}/delete").status_code == 303
    said = ben.post_form(f"{page}/reply", {"post": "Too late"}, headers=as_json)
    assert said.status_code == 404 and said.get_json()["error"]


def test_refused_reply_leaves_the_language_of_the_post(as_, db):
    ana = as_("ana")
    post = a_post(ana.user, language="es")
    page = ana.post_form(f"/post/{post.id}/reply", {"post": " ", "language": "fr"}).text
    chosen = re.findall(r'<option selected value="([a-z]*)"', page)
    assert sorted(chosen) == ["es", "fr", "members"]  # the last is the level of the reply


def test_reply_leaves_the_draft_of_a_post_alone(as_, db):
    ana = as_("ana")
    post = a_post(ana.user)
    form = {"post": "Congratulations!", "form_key": "draft-key"}
    assert ana.post_form("/post/draft", form).status_code == 200
    answer(ana, post, "Congratulations!")
    assert ana.get("/post/draft").get_json()["text"] == "Congratulations!"


def test_one_form_key_replies_to_each_post(as_, db):
    ana = as_("ana")
    posts = [a_post(ana.user), a_post(ana.user)]
    for post in posts:
        form = {"post": "Thanks", "form_key": "the-key"}
        assert ana.post_form(f"/post/{post.id}/reply", form).status_code == 303
    replies = db.session.scalars(select(Post.reply_to_id).where(Post.reply_to_id.is_not(None)))
    assert sorted(replies) == [post.id for post in posts]


def test_a_form_sent_twice_makes_one_reply(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    form = {"post": "Once", "form_key": "the-key"}
    assert {ben.post_form(f"/post/{post.id}/reply", form).status_code for _ in range(3)} == {303}
    assert db.session.scalar(select(func.count(Post.id))) == 2
    assert db.session.scalar(select(PostCount.replies)) == 1
    assert db.session.scalar(select(func.count(Activity.id)).where(Activity.kind == "reply")) == 1


def test_replying_needs_a_login_a_token_and_a_post(as_, client, db):
    ana = as_("ana")
    post = a_post(ana.user)
    assert client.post_form(f"/post/{post.id}/reply", {"post": "x"}).status_code == 302
    assert ana.post(f"/post/{post.id}/reply", data={"post": "x"}).status_code == 400
    assert ana.post_form("/post/4711/reply", {"post": "x"}).status_code == 404
    assert db.session.scalar(select(func.count(Post.id))) == 1


def test_replying_is_limited(as_, db, rate_limits):
    browser = as_("ana")
    post = a_post(browser.user)
    path = f"/post/{post.id}/reply"
    assert {browser.post_form(path, {"post": f"number {n}"}).status_code for n in range(30)} == {303}
    assert browser.post_form(path, {"post": "one too many"}).status_code == 429


# --- Telling the author


def test_the_author_is_told_and_a_mention_in_a_reply_is_told_once(as_, db):
    ana, ben, eva = as_("ana"), as_("ben"), a_user("eva")
    number = answer(ben, a_post(ana.user), "Look, @ana and @eva")
    told = {(row.user_id, row.kind, row.subject) for row in db.session.scalars(select(Activity))}
    assert told == {(ana.user.id, "reply", str(number)), (eva.id, "mention", str(number))}
    page = ana.get("/activity").text
    assert "replied to you" in page
    assert f'href="/post/{number}#post-{number}"' in page


def test_nobody_is_told_of_their_own_reply(as_, db):
    ana = as_("ana")
    answer(ana, a_post(ana.user))
    assert db.session.scalars(select(Activity)).all() == []


def test_a_deleted_reply_takes_its_event_along(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    number = answer(ben, post)
    ben.post_form(f"/post/{number}/delete")
    assert db.session.scalars(select(Activity)).all() == []
    assert count_on(ana.get(f"/post/{post.id}").text, post) == 0


# --- Blocks, mutes and closed accounts


@pytest.mark.parametrize(("blocker", "blocked"), [("ana", "ben"), ("ben", "ana")])
def test_a_block_forbids_replying_and_hides_replies(as_, db, blocker, blocked):
    ana, ben, eva = as_("ana"), as_("ben"), as_("eva")
    post = a_post(ana.user)
    hidden = answer(ben, post)
    below = answer(eva, db.session.get_one(Post, hidden))
    {"ana": ana, "ben": ben}[blocker].post_form(f"/block/{blocked}")
    assert ben.post_form(f"/post/{post.id}/reply", {"post": "Hello?"}).status_code == 404
    assert ana.post_form(f"/post/{hidden}/reply", {"post": "Hello?"}).status_code == 404
    page = ana.get(f"/post/{post.id}").text
    assert posts_on(page) == [post.id, below]
    assert page.count(GONE) == 1
    assert "@ben" not in page
    assert count_on(page, post) == 0
    assert count_on(eva.get(f"/post/{post.id}").text, post) == 1
    page = ana.get(f"/post/{below}").text
    assert posts_on(page) == [post.id, below]
    assert page.count(GONE) == 1
    assert "Replying to a post that isn&#39;t available" in ana.get("/user/eva").text


def test_the_action_checks_for_a_block_by_itself(db):
    ana, ben = a_user("ana"), a_user("ben")
    post = timelines.one(ben, a_post(ana).id)
    block(ana, ben)
    db.session.commit()
    with pytest.raises(ActionError):
        reply(ben, post, "Hello?")


def test_replies_of_a_muted_person_are_hidden_and_not_counted(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    number = answer(ben, post)
    ana.post_form("/mute/ben")
    page = ana.get(f"/post/{post.id}").text
    assert posts_on(page) == [post.id]
    assert count_on(page, post) == 0
    assert "replied to you" not in ana.get("/activity").text
    assert posts_on(ana.get(f"/post/{number}").text) == [post.id, number]


# --- Threads


def test_a_deleted_post_leaves_a_placeholder_in_its_thread(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    first, middle = post.id, answer(ben, post)
    last = answer(ana, db.session.get_one(Post, middle))
    ben.post_form(f"/post/{middle}/delete")
    page = ana.get(f"/post/{first}").text
    assert posts_on(page) == [first, last]
    assert page.index(GONE) < page.index(f'id="post-{last}"')
    page = ana.get(f"/post/{last}").text
    assert posts_on(page) == [first, last]
    assert GONE in page
    ana.post_form(f"/post/{first}/delete")
    page = ana.get(f"/post/{last}").text
    assert posts_on(page) == [last]
    assert page.count(GONE) == 1, "one for all that are gone"
    assert ana.get(f"/post/{first}").status_code == 404


def whole_thread(browser, post_id):
    """The replies on all pages of a post, by the links between them."""
    seen, path = [], f"/post/{post_id}"
    while path:
        page = browser.get(path).text
        seen += [one for one in posts_on(page.partition('id="replies"')[2]) if one]
        link = re.search(r'rel="next" href="([^"#]+)#replies"', page)
        path = link[1] if link else ""
    return seen


def in_reading_order(children, post_id):
    """The ids below a post, each before those below it."""
    return [one for child in children.get(post_id, []) for one in (child, *in_reading_order(children, child))]


def test_a_thread_is_a_tree_in_pages(as_, db, configure):
    configure(POSTS_PER_PAGE=4)
    people, dice = [a_user() for _ in range(4)], random.Random(3)
    posts, children = [a_post(people[0])], {}
    for _ in range(40):
        parent = dice.choice(posts)
        posts.append(a_reply(dice.choice(people), parent))
        children.setdefault(parent.id, []).append(posts[-1].id)
    browser = as_(people[0])
    for post in posts:
        assert whole_thread(browser, post.id) == in_reading_order(children, post.id)
    for gone in dice.sample(posts[1:], 8):
        db.session.delete(gone)
    db.session.commit()
    left = set(db.session.scalars(select(Post.id)))
    expected = [one for one in in_reading_order(children, posts[0].id) if one in left]
    assert whole_thread(browser, posts[0].id) == expected


def test_a_thread_has_any_depth(as_, db, monkeypatch):
    monkeypatch.setattr(threads, "PATH_LENGTH", 5 * threads.WIDTH)
    ana = a_user("ana")
    line = [a_post(ana)]
    for _ in range(13):
        line.append(a_reply(ana, line[-1]))
    ids, browser = [post.id for post in line], as_(ana)
    assert [len(post.tree_path) // threads.WIDTH for post in line] == [0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3]
    for at, post in enumerate(line):
        page = browser.get(f"/post/{post.id}").text
        above, below = page.split("is-single")[0], page.partition('id="replies"')[2]
        tree = max(at - 1, 0) // 5 * 5
        assert posts_on(above + 'x">')[: at - tree] == ids[tree:at]
        assert ("Show earlier posts" in page) == (tree > 0)
        assert posts_on(below) == ids[at + 1 : at - at % 5 + 6 if at % 5 or not at else at + 6]


@pytest.mark.parametrize(
    "after", ["", "x", "00000", "000001", "zzzzzz", "~~~~~~", "0" * 384, "0" * 390, "%00", "٣" * 6]
)
def test_invalid_thread_cursor_is_ignored(as_, after):
    browser = as_("ana")
    post = a_post(browser.user)
    a_reply(browser.user, post)
    assert browser.get(f"/post/{post.id}?after={after}").status_code == 200


def test_a_thread_is_few_queries_whatever_it_holds(as_, db, queries):
    ana = a_user("ana")
    post, browser = a_post(ana), as_(ana)
    browser.get("/messages")
    first = a_reply(ana, post)
    for number in range(12):
        a_reply(a_user(), first if number % 2 else post)
    for path, statements in ((f"/post/{post.id}", 3), (f"/post/{first.id}", 4)):
        with queries() as asked:
            assert browser.get(path).status_code == 200
        assert len(asked) == statements, asked


# --- Counters


@pytest.fixture
def recount(db, run_jobs):
    """Run the daily recount; what it returns."""

    def run():
        row = enqueue("posts.recount")
        db.session.commit()
        run_jobs()
        return db.session.get(Job, row.id, populate_existing=True).result

    return run


def test_counts_exclude_suspended_accounts_and_include_them_after_reinstatement(app, as_, db, run_jobs, recount):
    ana, ben, gone = as_("ana"), as_("ben"), as_("gone")
    post = a_post(ana.user)
    answer(ben, post)
    answer(gone, post)
    for command, expected in (("suspend", 1), ("reinstate", 2)):
        result = in_new_context(app.test_cli_runner().invoke, args=["users", command, "gone"])
        assert result.exit_code == 0, result.output
        run_jobs()
        assert count_on(ana.get(f"/post/{post.id}").text, post) == expected
        assert recount() == {"checked": len(counters.STORED), "drift": 0}
    db.session.execute(delete(User).where(User.id == gone.user.id))  # cascades
    db.session.commit()
    assert count_on(ana.get(f"/post/{post.id}").text, post) == 1
    assert recount()["drift"] == 0


def test_a_reply_that_comes_after_the_closing_is_not_counted(db, recount):
    post = a_post(a_user("ana"))
    a_reply(a_user("gone", active=False), post)
    assert db.session.scalar(select(PostCount.replies)) == 0
    assert recount()["drift"] == 0


def test_an_account_that_is_deleted_is_not_counted(db, recount):
    post, gone = a_post(a_user("ana")), a_user("gone")
    a_reply(gone, post)
    gone.active = False
    db.session.commit()
    assert counters.uncount(gone.id)
    assert not counters.uncount(gone.id)
    db.session.commit()
    assert db.session.scalar(select(PostCount.replies)) == 0
    assert recount()["drift"] == 0


def test_counters_that_drifted_are_put_right_and_reported(as_, db, caplog, recount):
    ana = as_("ana")
    posts = [a_post(ana.user) for _ in range(3)]
    for post in posts[:2]:
        a_reply(ana.user, post)
    db.session.execute(update(PostCount).where(PostCount.post_id == posts[0].id).values(replies=7))
    db.session.execute(delete(PostCount).where(PostCount.post_id == posts[1].id))
    db.session.execute(update(Post).where(Post.reply_to_id == posts[0].id).values(counted=False))
    db.session.commit()
    assert recount() == {"checked": 2 * len(counters.STORED), "drift": 3}
    told = f"the replies, likes, reposts, quotes of post {posts[0].id} were [7, 0, 0, 0], are [1, 0, 0, 0]"
    assert told in caplog.text
    assert dict(db.session.execute(select(PostCount.post_id, PostCount.replies)).all()) == {
        posts[0].id: 1,
        posts[1].id: 1,
    }


@pytest.mark.slow
def test_replies_and_deletions_at_once_leave_the_right_count(as_, db, recount):
    ana = as_("ana")
    post = a_post(ana.user)
    browsers = [as_(f"member{number}") for number in range(AT_ONCE)]
    gate = Barrier(AT_ONCE)

    def write(browser):
        gate.wait()
        for number in range(3):
            said = browser.post_form(f"/post/{post.id}/reply", {"post": f"number {number} for @ana"})
            assert said.status_code == 303, said.text
            if number == 1:
                written = said.headers["Location"].partition("#")[0]
                assert browser.post_form(f"{written}/delete").status_code == 303

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(write, browsers))
    assert db.session.scalar(select(PostCount.replies)) == 2 * AT_ONCE
    assert recount()["drift"] == 0
    assert count_on(ana.get(f"/post/{post.id}").text, post) == 2 * AT_ONCE
    assert db.session.scalar(select(func.count(Activity.id)).where(Activity.kind == "reply")) == 2 * AT_ONCE


@pytest.mark.slow
def test_a_post_deleted_while_it_is_replied_to(as_, db, recount):
    ana = as_("ana")
    posts = [a_post(ana.user) for _ in range(8)]
    browsers = [ana, *(as_(f"member{number}") for number in range(3))]
    gate = Barrier(len(browsers))

    def act(browser):
        for post in posts:
            gate.wait()
            if browser is ana:
                assert browser.post_form(f"/post/{post.id}/delete").status_code == 303
            else:
                assert browser.post_form(f"/post/{post.id}/reply", {"post": "Hi @ana"}).status_code in {303, 404, 422}

    with ThreadPoolExecutor(len(browsers)) as pool:
        list(pool.map(act, browsers))
    assert db.session.scalar(select(func.count(PostCount.post_id))) == 0
    assert recount()["drift"] == 0


@pytest.mark.slow
def test_post_and_its_replies_can_be_deleted_at_once(as_, db, recount):
    ana = as_("ana")
    posts = [a_post(ana.user, "Hello @ben") for _ in range(20)]
    replies = [[a_reply(ana.user, post, "Hello @ben") for _ in range(3)] for post in posts]
    browsers = [as_(ana.user) for _ in range(4)]
    gate = Barrier(len(browsers))

    ids = [[post.id, *(one.id for one in answers)] for post, answers in zip(posts, replies, strict=True)]

    def delete_one(number):
        for row in ids:
            gate.wait()
            assert browsers[number].post_form(f"/post/{row[number]}/delete").status_code == 303

    with ThreadPoolExecutor(len(browsers)) as pool:
        list(pool.map(delete_one, range(len(browsers))))
    assert db.session.scalar(select(func.count(Post.id))) == 0
    assert recount()["drift"] == 0
