"""Polls in posts: written, voted in, counted, closed and told."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import delete, func, select, update

from app.core.time import now
from app.extensions import db as the_db
from app.jobs import enqueue, enqueue_at
from app.models import (
    Activity,
    Block,
    Follow,
    Job,
    Mute,
    Post,
    PostPoll,
    PostPollOption,
    PostPollVote,
    ScheduledPost,
    User,
)
from app.models.post_poll import MAX_OPTIONS
from app.notifications import events
from app.posts import votes
from tests.factories import a_follow, a_post, a_user
from tests.posts.test_export import download
from tests.posts.test_new_posts import clocks_by_transaction
from tests.privacy.conftest import unread_counts
from tests.support.client import in_new_context

AT_ONCE = 8
AS_SCRIPT = {"Accept": "application/json"}
POLL = {"poll_options-0": "Heron", "poll_options-1": "Kestrel", "poll_options-2": " ", "poll_minutes": "60"}


def write(browser, **form):
    """Publish a post with a poll. Return its id."""
    answer = browser.post_form("/post", {"post": "Which bird?", **POLL, **form})
    assert answer.status_code == 303, answer.text
    return newest()


def newest():
    return the_db.session.scalar(select(func.max(Post.id)))


def vote(browser, post_id, *positions, **kwargs):
    return browser.post_form(f"/post/{post_id}/vote", {f"choice-{post_id}": list(map(str, positions))}, **kwargs)


def shown(page, post_id):
    """What a page shows of a poll: "choices", the list of results, or None."""
    text = page.partition(f'id="post-{post_id}"')[2].partition("</article>")[0]
    if "<fieldset" in text:
        return "choices"
    found = re.findall(r'<span dir="auto">([^<]+)</span>.*?\((\d+)\)', text, re.DOTALL)
    return {option: int(number) for option, number in found} if "data-poll" in text else None


def end(db, post_id):
    """Let the poll end, without its job."""
    db.session.execute(update(PostPoll).where(PostPoll.post_id == post_id).values(ends_at=now() - timedelta(minutes=1)))
    db.session.commit()


def told(db):
    """Who has been told of the end of a poll."""
    names = select(User.username).join(Activity, Activity.user_id == User.id).where(Activity.kind == "poll_closed")
    return sorted(db.session.scalars(names))


def counts(db, post_id):
    """The stored counters of a poll, and the same from its rows."""
    voters = db.session.scalar(select(PostPoll.voters).where(PostPoll.post_id == post_id))
    options = select(PostPollOption.votes).where(PostPollOption.post_id == post_id).order_by(PostPollOption.position)
    rows = db.session.scalars(select(PostPollVote.choices).where(PostPollVote.post_id == post_id)).all()
    stored = [voters, *db.session.scalars(options)]
    return stored, [len(rows), *(sum(row >> at & 1 for row in rows) for at in range(len(stored) - 1))]


def test_a_poll_is_written_and_voted_in(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post_id = write(ana)
    pages = ("/explore", "/user/ana", f"/post/{post_id}", "/search?q=kestrel")
    assert {shown(ana.get(page).text, post_id)["Heron"] for page in ("/", *pages)} == {0}
    assert {shown(ben.get(page).text, post_id) for page in pages} == {"choices"}
    for position in (1, 0):  # the first vote is final
        answer = vote(ben, post_id, position)
        assert answer.status_code == 303
    for page in pages:
        assert shown(ben.get(page).text, post_id) == {"Heron": 0, "Kestrel": 1}, page
    page = ben.get("/explore").text
    assert re.search(r"Kestrel</span>.{0,200}Your choice", page, re.DOTALL)
    assert "1 person voted" in page
    assert re.search(r"100\s?%", page)
    assert shown(as_("cleo").get("/explore").text, post_id) == "choices"


def test_several_options_can_be_chosen_if_the_author_allows_it(as_, db):
    ana, ben = as_("ana"), as_("ben")
    one, many = write(ana), write(ana, post="Which birds?", poll_multiple="y")
    refused = vote(ben, one, 0, 1, headers=AS_SCRIPT)
    assert (refused.status_code, refused.get_json()) == (422, {"error": "You can choose only one option."})
    answer = vote(ben, many, 0, 1, headers=AS_SCRIPT)
    assert "Kestrel" in answer.get_json()["html"]
    assert "<fieldset" not in answer.get_json()["html"]
    assert counts(db, many)[0] == [1, 1, 1]
    assert counts(db, one)[0] == [0, 0, 0]


@pytest.mark.parametrize("positions", [(), (2,), ("x",)])
def test_a_vote_needs_an_option_of_the_poll(as_, db, positions):
    ana, ben = as_("ana"), as_("ben")
    post_id = write(ana)
    answer = vote(ben, post_id, *positions, headers=AS_SCRIPT)
    assert (answer.status_code, answer.get_json()) == (422, {"error": "Choose an option first."})
    assert "Choose an option first." in ben.get(vote(ben, post_id, *positions).headers["Location"]).text
    assert counts(db, post_id)[1] == [0, 0, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"poll_options-1": ""}, "A poll needs at least 2 options."),
        ({"poll_options-1": "HERON"}, "Two poll options are the same."),
        ({"poll_options-1": "x" * 81}, "This is too long. The limit is 80 characters."),
        ({"poll_minutes": "7"}, "Choose from the list how long your poll lasts."),
        ({f"poll_options-{at}": f"Bird {at}" for at in range(5)}, "A poll can have up to 4 options."),
    ],
)
def test_a_poll_that_is_refused_is_still_in_the_form(as_, db, change, message):
    ana = as_("ana")
    answer = ana.post_form("/post", {"post": "Which bird?", **POLL, "poll_multiple": "y", **change})
    assert answer.status_code == 422
    assert message in answer.text
    form = answer.text.partition("poll-field")[2].partition("</details>")[0]
    assert " open" in form.partition(">")[0]
    assert 'value="Heron"' in form or 'value="Bird 0"' in form
    assert re.search(r'<input checked[^>]*name="poll_multiple"', form)
    assert newest() is None


@pytest.mark.parametrize("where", ["post", "reply", "quote", "scheduled"])
def test_only_as_many_options_are_read_as_a_form_can_have(as_, db, where):
    """Neither names that aren't numbers nor thousands of names cause an error or a long page."""
    ana = as_("ana")
    paths = {name: f"/post/{a_post(ana.user).id}/{name}" for name in ("reply", "quote")}
    later = (now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    if where == "scheduled":
        ana.post_form("/post", {"post": "Later", "publish_at": later})
        paths["scheduled"] = f"/scheduled/{db.session.scalar(select(ScheduledPost.id))}"
    path = paths.get(where, "/post")
    odd = {f"poll_options-{index}": "Owl" for index in ("²", "9" * 5000, "-1", "", "٣", "00")}
    many = {f"poll_options-{index}": f"Bird {index}" for index in range(1000)}
    time = {"publish_at": later} if where == "scheduled" else {}
    refused = ana.post_form(path, {"post": "", **many, **time})
    assert refused.status_code == 422
    assert refused.text.count('name="poll_options-') <= 2 * (MAX_OPTIONS + 1)  # the form, and that of replies
    assert ana.post_form(path, {"post": "Which bird?", **many, **time}).status_code == 422
    assert ana.post_form(path, {"post": "Which bird?", **odd, **time}).status_code == 303
    assert db.session.scalar(select(func.count()).select_from(PostPollOption)) == 0


def test_a_form_sent_twice_makes_one_poll(as_, db):
    ana = as_("ana")
    one = write(ana, form_key="one form")
    assert write(ana, form_key="one form") == one
    assert write(ana, **{"form_key": "one form", "poll_options-2": "Owl"}) != one
    assert db.session.scalar(select(func.count()).select_from(PostPollOption)) == 5
    assert db.session.scalar(select(func.count(Job.id)).where(Job.name == votes.CLOSE_JOB)) == 2


def test_search_finds_options_also_after_an_edit(as_, db):
    ana = as_("ana")
    post_id = write(ana)
    answer = ana.post_form(f"/post/{post_id}/edit", {"post": "Which one?", "revision": "0"})
    assert answer.status_code == 303, answer.text
    assert shown(ana.get("/search?q=kestrel").text, post_id) == {"Heron": 0, "Kestrel": 0}
    assert shown(ana.get("/search?q=which").text, post_id) == {"Heron": 0, "Kestrel": 0}


def test_redrafting_says_that_the_poll_is_lost(as_, db):
    ana = as_("ana")
    post_id = write(ana)
    assert "Redrafting doesn&#39;t keep the poll." in ana.get(f"/post/{post_id}").text
    answer = ana.post_form(f"/post/{post_id}/redraft")
    assert "The poll wasn&#39;t kept." in ana.follow(answer).text
    assert db.session.scalar(select(func.count()).select_from(PostPollOption)) == 0


def test_a_reply_can_have_a_poll(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    ben.post_form(f"/post/{post.id}/reply", {"post": "Or this?", **POLL})
    assert shown(ana.get(f"/post/{post.id}").text, newest()) == "choices"


def test_pages_with_polls_need_one_more_statement(as_, db, queries):
    ana, ben = as_("ana"), as_("ben")
    a_post(ana.user)
    ben.get("/explore")
    with queries() as without:
        ben.get("/explore")
    for _ in range(5):
        write(ana)
    with queries() as asked:
        ben.get("/explore")
    assert len(asked) == len(without) + 1, asked


# --- Who may vote, and who sees what


def see_and_vote(browser, post_id):
    """What a viewer sees of a poll, and the status of their vote."""
    before = browser.get(f"/post/{post_id}")
    what = shown(before.text, post_id) if before.status_code == 200 else "nothing"
    status = vote(browser, post_id, 0, headers=AS_SCRIPT).status_code
    after = browser.get(f"/post/{post_id}")
    later = shown(after.text, post_id) if after.status_code == 200 else "nothing"
    return what if isinstance(what, str) else "results", status, later if isinstance(later, str) else "results"


MATRIX = {
    "author": ("results", 422, "results"),
    "stranger": ("nothing", 404, "nothing"),
    "follower": ("choices", 200, "results"),
    "mentioned": ("choices", 200, "results"),
    "blocked": ("nothing", 404, "nothing"),
    "muted": ("choices", 200, "results"),
    "moderator": ("nothing", 404, "nothing"),
    "voted, then unfollowed": ("nothing", 404, "nothing"),
}


@pytest.mark.parametrize("who", MATRIX)
def test_who_sees_and_votes(as_, db, who):
    ana, one = as_("ana"), as_("viewer")
    if who not in {"stranger", "mentioned", "moderator"}:
        a_follow(one.user, ana.user)
    text = "Which bird, @viewer?" if who == "mentioned" else "Which bird?"
    post_id = write(ana, post=text, visibility="followers")
    if who == "blocked":
        db.session.add(Block(blocker_id=ana.user.id, blocked_id=one.user.id))
    elif who == "muted":
        db.session.add(Mute(muter_id=ana.user.id, muted_id=one.user.id))
    elif who == "moderator":
        one.user.role = "moderator"
    elif who == "voted, then unfollowed":
        vote(one, post_id, 1)
        db.session.execute(delete(Follow))
    db.session.commit()
    assert see_and_vote(ana if who == "author" else one, post_id) == MATRIX[who]
    expected = int(who == "voted, then unfollowed" or MATRIX[who][1] == 200)
    assert counts(db, post_id)[0][0] == expected


def test_voting_needs_a_login_a_token_and_a_poll(as_, client, db):
    ana, ben = as_("ana"), as_("ben")
    post_id, plain = write(ana), a_post(ana.user).id
    assert vote(client, post_id, 0).status_code == 302
    assert ben.post(f"/post/{post_id}/vote", data={f"choice-{post_id}": "0"}).status_code == 400
    for other in (plain, 4711):
        assert vote(ben, other, 0).status_code == 404
        assert vote(ben, other, 0, headers=AS_SCRIPT).status_code == 404
    assert counts(db, post_id)[0] == [0, 0, 0]


def test_nobody_votes_after_the_end_and_all_see_the_results(as_, db):
    ana, ben, cleo = as_("ana"), as_("ben"), as_("cleo")
    post_id = write(ana)
    vote(ben, post_id, 1)
    end(db, post_id)
    answer = vote(cleo, post_id, 0, headers=AS_SCRIPT)
    assert (answer.status_code, answer.get_json()) == (422, {"error": "This poll has ended."})
    for browser in (ana, ben, cleo):
        page = browser.get("/user/ana").text
        assert shown(page, post_id) == {"Heron": 0, "Kestrel": 1}
        assert "Final results" in page
    assert vote(ben, post_id, 0).status_code == 303  # has voted before


# --- The end


def test_author_and_voters_are_told_of_the_end_once(as_, db, run_jobs, mails):
    ana, ben, cleo, dan, eva = (as_(name) for name in ("ana", "ben", "cleo", "dan", "eva"))
    for one in (ben, cleo, dan):
        a_follow(one.user, ana.user)
    post_id = write(ana, visibility="followers")
    for one in (ben, cleo, dan):
        assert vote(one, post_id, 0).status_code == 303
    cleo.post_form("/unfollow/ana")  # can't see it anymore
    dan.user.active = False
    db.session.commit()
    run_jobs()
    assert told(db) == []
    end(db, post_id)
    for _ in range(2):
        enqueue_at(votes.CLOSE_JOB, now(), post_id=post_id)
        db.session.commit()
        run_jobs()
        assert told(db) == ["ana", "ben"]
    assert "Your poll has ended" in re.sub(r"<[^>]+>", "", ana.get("/activity").text)
    assert "A poll by ana has ended" in re.sub(r"<[^>]+>", "", ben.get("/activity").text)
    assert "has ended" not in eva.get("/activity").text
    ben.post_form("/mute/ana")
    assert "has ended" not in ben.get("/activity").text


def test_the_job_is_there_with_the_post_and_never_closes_early(as_, db, run_jobs):
    ana = as_("ana")
    post_id = write(ana, poll_minutes="5")
    ends_at = db.session.scalar(select(PostPoll.ends_at))
    job = db.session.scalars(select(Job).where(Job.name == votes.CLOSE_JOB)).one()
    assert job.run_after >= ends_at - timedelta(seconds=1)
    enqueue(votes.CLOSE_JOB, post_id=post_id)
    db.session.commit()
    run_jobs()
    assert db.session.scalar(select(PostPoll.closed_at)) is None
    assert told(db) == []
    end(db, post_id)
    enqueue(votes.CLOSE_JOB, post_id=post_id)
    ana.post_form(f"/post/{post_id}/delete")
    run_jobs()
    assert told(db) == []


def test_deleting_a_post_publishes_the_badges_of_many_voters_in_batches(as_, db, run_jobs, monkeypatch):
    monkeypatch.setattr(events, "COUNT_BATCH", 2)
    ana, *others, dan, eva = [as_(name) for name in ("ana", "ben", "cleo", "finn", "dan", "eva")]
    post_id = write(ana)
    for voter in (*others, dan, eva):
        vote(voter, post_id, 0)
    end(db, post_id)
    enqueue(votes.CLOSE_JOB, post_id=post_id)
    db.session.commit()
    run_jobs()
    assert [unread_counts(browser)[1] for browser in (ana, dan, eva, *others)] == [1] * 6
    with clocks_by_transaction() as moved:
        assert ana.post_form(f"/post/{post_id}/delete").status_code == 303
    assert moved == [2]
    db.session.execute(delete(User).where(User.username == "dan"))
    db.session.commit()
    with clocks_by_transaction() as moved:
        run_jobs()
    assert sorted(moved) == [1, 2]
    assert [unread_counts(browser)[1] for browser in (ana, eva, *others)] == [0] * 5


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


def test_votes_of_a_closed_account_are_not_counted(app, as_, db, run_jobs, recount):
    ana, gone = as_("ana"), as_("gone")
    post_id = write(ana, poll_multiple="y")
    vote(gone, post_id, 0, 1)
    vote(as_("ben"), post_id, 1)
    for command, expected in (("suspend", [1, 0, 1]), ("reinstate", [2, 1, 2])):
        result = in_new_context(app.test_cli_runner().invoke, args=["users", command, "gone"])
        assert result.exit_code == 0, result.output
        run_jobs()
        assert counts(db, post_id)[0] == expected
        assert recount() == {"checked": 3, "drift": 0}
    db.session.execute(delete(User).where(User.id == gone.user.id))  # cascades
    db.session.commit()
    assert counts(db, post_id) == ([1, 0, 1], [1, 0, 1])


def test_counters_that_drifted_are_put_right(as_, db, recount):
    ana, ben = as_("ana"), as_("ben")
    post_id = write(ana)
    vote(ben, post_id, 1)
    db.session.execute(update(PostPoll).values(voters=7))
    db.session.execute(update(PostPollOption).values(votes=9))
    db.session.execute(update(PostPollVote).values(counted=False))
    db.session.commit()
    assert recount()["drift"] == 4
    assert counts(db, post_id) == ([1, 0, 1], [1, 0, 1])
    assert recount() == {"checked": 3, "drift": 0}


@pytest.mark.slow
def test_votes_at_once_while_polls_close(app, as_, db, recount):
    """Each person votes in two tabs, and meanwhile polls end: counts equal rows, and all voters are told."""
    ana = as_("ana")
    ids = [write(ana, post=f"Which {at}?", poll_multiple="y") for at in range(3)]
    people = [a_user(f"member{number}") for number in range(AT_ONCE // 2)]
    browsers = [as_(person) for person in people for _ in range(2)]
    gate = Barrier(AT_ONCE + 1)

    def click(number):
        gate.wait()
        for post_id in ids:
            assert vote(browsers[number], post_id, number % 2, headers=AS_SCRIPT).status_code in {200, 422}

    def close():
        with app.app_context():
            gate.wait()
            for post_id in ids[1:]:
                end(db, post_id)
                votes.close(post_id)

    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        work = [pool.submit(click, number) for number in range(AT_ONCE)] + [pool.submit(close)]
        for one in work:
            one.result()
    assert counts(db, ids[0])[0][0] == len(people)
    for post_id in ids:
        stored, rows = counts(db, post_id)
        assert stored == rows
    for post_id in ids[1:]:
        heard = set(db.session.scalars(select(Activity.user_id).where(Activity.post_id == post_id)))
        voted = set(db.session.scalars(select(PostPollVote.user_id).where(PostPollVote.post_id == post_id)))
        assert heard == voted | {ana.user.id}
    assert recount()["drift"] == 0


# --- Elsewhere


def test_the_export_has_own_polls_and_votes(as_, db, run_jobs):
    ana, ben = as_("ana"), as_("ben")
    own, other = write(ben), write(ana, poll_multiple="y")
    vote(ben, other, 0, 1)
    vote(ana, own, 1)
    ben.post_form("/export_posts")
    run_jobs()
    data = download(ben, db)
    assert data["posts"][0]["poll"]["options"] == [
        {"text": "Heron", "votes": 0},
        {"text": "Kestrel", "votes": 1},
    ]
    assert [(row["post"], row["options"]) for row in data["poll_votes"]] == [(other, [1, 2])]


def test_a_report_keeps_the_options(as_, db):
    ana, ben = as_("ana"), as_("ben")
    moderator = as_(a_user("mod", role="moderator"))
    post_id = write(ana)
    assert "Kestrel" in ben.get(f"/report/post/{post_id}").text
    ben.post_form(f"/report/post/{post_id}", {"note": "Look"})
    ana.post_form(f"/post/{post_id}/delete")
    moderator.post_form("/moderation/1/look")
    assert "Kestrel" in moderator.get("/moderation/1").text
