"""Who sees a quote, and the quoted post in it: on every page, in counts, notifications, emails and exports."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from app.extensions import db as the_db
from app.models import Activity, Job, Post
from tests.posts.test_quotes import card_on, count_of
from tests.posts.test_timelines import posts_on
from tests.support.client import Browser
from tests.visibility.test_posts import ALL, KEY, MEMBERS, NONE, ROLES, WORDS, Role


@dataclass
class Town:
    """Ana has posts and quotes of each level. Ben quotes the post that all members can see."""

    walker: Browser
    bens_post: int
    walkers_post: int
    of_ben: dict[str, int]  # ana's quotes of ben's post, by their level; they contain its word
    of_walker: dict[str, int]  # and of the walker's post
    of_ana: dict[str, int]  # ana's quotes, for all members, of her posts, by the level of the post that has the word
    bens_quote: int  # of ana's post for all members


def words(text: str) -> frozenset[str]:
    """The levels whose words a text contains."""
    return frozenset(level for level, word in WORDS.items() if word in text.lower())


def newest(browser: Browser, path: str, **form: str) -> int:
    answer = browser.post_form(path, {"visibility": "members", **form})
    assert answer.status_code == 303, answer.text
    return the_db.session.scalars(select(Post.id).order_by(Post.id.desc()).limit(1)).one()


@pytest.fixture
def build(as_, db, run_jobs):
    def make(role: Role) -> Town:
        walker, ana, ben = as_("walker"), as_("ana"), as_("ben")
        mentioned = "@walker" if role.is_mentioned else "@ben"
        bens, walkers = (newest(one, "/post", post="Which tree?") for one in (ben, walker))
        text = {level: {"post": f"{mentioned} {word} {KEY}", "visibility": level} for level, word in WORDS.items()}
        posts = {level: newest(ana, "/post", **form) for level, form in text.items()}
        of_ben = {level: newest(ana, f"/post/{bens}/quote", **form) for level, form in text.items()}
        of_walker = {level: newest(ana, f"/post/{walkers}/quote", **form) for level, form in text.items()}
        of_ana = {level: newest(ana, f"/post/{posts[level]}/quote", post=f"Mine {KEY}") for level in WORDS}
        bens_quote = newest(ben, f"/post/{posts['members']}/quote", post=f"Hers {KEY}")
        role.becomes(walker, ana)
        db.session.commit()
        run_jobs()
        return Town(walker, bens, walkers, of_ben, of_walker, of_ana, bens_quote)

    return make


@pytest.mark.parametrize("name", ROLES)
def test_quotes_and_quoted_posts_are_shown_to_their_levels_only(build, run_jobs, mails, name):
    role = ROLES[name]
    town = build(role)
    check_pages_of_quotes(town, role)
    check_cards(town, role)
    check_what_is_told(town, role, run_jobs, mails)


def check_pages_of_quotes(town: Town, role: Role) -> None:
    """The pages of each quote, and the lists of quotes, whose counts fit."""
    walker = town.walker
    for level, quote_id in town.of_ben.items():
        is_open = level in role.opens
        assert walker.get(f"/post/{quote_id}").status_code == (200 if is_open else 404), level
        assert walker.get(f"/post/{quote_id}/quotes").status_code == (200 if is_open else 404), level
        form, sent = (200, 422) if level == "members" else (403, 403)
        assert walker.get(f"/post/{quote_id}/quote").status_code == (form if is_open else 404), level
        empty = walker.post_form(f"/post/{quote_id}/quote", {"post": ""})
        assert empty.status_code == (sent if is_open else 404), level
    for post_id, quotes in ((town.bens_post, town.of_ben), (town.walkers_post, town.of_walker)):
        seen = {quotes[level] for level in role.listed}
        page = walker.get(f"/post/{post_id}/quotes").text
        assert set(posts_on(page)) == seen
        assert words(page) == role.listed
        assert count_of(walker.get(f"/post/{post_id}").text) == len(seen)


def check_cards(town: Town, role: Role) -> None:
    """Ben's quote is always there, ana's only if she is."""
    walker = town.walker
    paths = ["/explore", "/user/ben", f"/search?q={KEY}", f"/post/{town.bens_quote}"]
    for path in paths:
        assert words(card_on(walker.get(path).text, town.bens_quote) or "") == role.listed & MEMBERS, path
    paths = ["/user/ana", *([f"/search?q={KEY}", "/explore"] if role.listed else [])]
    for path in paths if role.opens else []:
        page = walker.get(path).text
        for level, quote_id in town.of_ana.items():
            assert words(card_on(page, quote_id) or "") == role.listed & {level}, (path, level)
    for quote_id in town.of_ana.values():
        assert walker.get(f"/post/{quote_id}").status_code == (200 if role.opens else 404)


def check_what_is_told(town: Town, role: Role, run_jobs, mails) -> None:
    """Notifications, email and export."""
    walker = town.walker
    told = (ALL if role.is_mentioned else MEMBERS) & role.listed
    page = walker.get("/activity").text
    assert page.count("quoted your post") == len(told)
    assert words(page) <= role.listed
    kinds = the_db.session.execute(
        select(Activity.kind, Activity.post_id).where(Activity.post_id.in_(town.of_walker.values()))
    ).all()
    assert {kind for kind, _post_id in kinds} <= {"quote"} | (set() if role.is_mentioned else {"mention"})
    walker.post_form("/export_posts")
    run_jobs(advance=2 * 86400)
    mailed = "\n".join(mail.text for mail in mails.to("walker@example.org"))
    assert mailed.count("quoted your post") == len(told)
    assert words(mailed) == told
    for job in the_db.session.scalars(select(Job).where(Job.name == "posts.export")).all():
        assert words(walker.get(f"/tasks/{job.id}/download").text) == NONE


def test_visitor_sees_no_quotes(build, client):
    town = build(ROLES["member"])
    for path in (f"/post/{town.bens_post}/quotes", f"/post/{town.bens_post}/quote"):
        page = client.get(path)
        assert page.status_code == 302 and words(page.text) == NONE
    assert re.search("login", page.headers["Location"])
