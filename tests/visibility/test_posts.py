"""Who sees a post of each level: on every page, in searches, counts, notifications, emails, pushes and exports."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core.images import storage
from app.core.time import now
from app.extensions import db as the_db
from app.jobs import enqueue
from app.models import Job, Post, PostImage, User
from tests.delivery.push.conftest import service, subscribe  # noqa: F401 - fixtures
from tests.posts.test_replies import count_on
from tests.posts.test_timelines import posts_on
from tests.support.client import Browser

# A word that only posts of the level contain. Every post contains the word KEY, too.
WORDS = {"members": "alder", "followers": "birch", "mentioned": "cedar"}
KEY = "lanternkey"
ALL, MEMBERS, NONE = frozenset(WORDS), frozenset({"members"}), frozenset[str]()


def follow(walker: Browser, ana: Browser) -> None:
    assert walker.post_form("/follow/ana").status_code == 303


def unfollow(walker: Browser, ana: Browser) -> None:
    follow(walker, ana)
    assert posts_on(walker.get("/").text)
    assert walker.post_form("/unfollow/ana").status_code == 303


def lose_the_follow(walker: Browser, ana: Browser) -> None:
    follow(walker, ana)
    assert ana.post_form("/block/walker").status_code == 303
    assert ana.post_form("/unblock/walker").status_code == 303


@dataclass(frozen=True)
class Role:
    """Who asks, what they become after the posts were written, and the levels that they see."""

    opens: frozenset[str]  # the pages of the posts
    becomes: Callable[[Browser, Browser], object] = lambda walker, ana: None
    is_mentioned: bool = False
    is_listed: bool = True  # whether lists show what its page shows

    @property
    def listed(self) -> frozenset[str]:
        """The levels in lists, notifications and email."""
        return self.opens if self.is_listed else NONE


def set_role(walker: Browser, ana: Browser) -> None:
    walker.user.role = "moderator"


def mute(walker: Browser, ana: Browser) -> None:
    follow(walker, ana)
    assert walker.post_form("/mute/ana").status_code == 303


def suspend(walker: Browser, ana: Browser) -> None:
    follow(walker, ana)
    ana.user.active, ana.user.suspended_at = False, now()
    enqueue("posts.count_reactions", user_id=ana.user.id)


ROLES = {
    "member": Role(MEMBERS),
    "follower": Role(frozenset({"members", "followers"}), follow),
    "someone who unfollowed": Role(MEMBERS, unfollow),
    "someone whose follow was removed": Role(MEMBERS, lose_the_follow),
    "someone whom the author follows": Role(MEMBERS, lambda walker, ana: ana.post_form("/follow/walker")),
    "mentioned": Role(ALL, is_mentioned=True),
    "mentioned follower": Role(ALL, follow, is_mentioned=True),
    "blocked": Role(NONE, lambda walker, ana: ana.post_form("/block/walker"), is_mentioned=True),
    "one who blocks": Role(NONE, lambda walker, ana: walker.post_form("/block/ana"), is_mentioned=True),
    "one who mutes": Role(ALL, mute, is_mentioned=True, is_listed=False),
    "reader of a suspended author": Role(NONE, suspend, is_mentioned=True),
    "moderator": Role(MEMBERS, set_role),
}


@dataclass
class Town:
    """The posts by ana, and her replies to the post by ben, by level."""

    walker: Browser
    ana: Browser
    bens: int
    posts: dict[str, int]
    replies: dict[str, int]
    images: dict[int, int]  # the id of the image of each of these posts

    def ids(self, levels: frozenset[str]) -> set[int]:
        return {found[level] for found in (self.posts, self.replies) for level in levels}

    def words(self, text: str) -> set[str]:
        """The levels whose words a page contains."""
        return {level for level, word in WORDS.items() if word in text.lower()}


def add_image(post_id: int, word: str) -> int:
    """Add an image to a post, without the time that an upload takes."""
    store = storage("posts")
    file, thumbnail = (store.save(f"{word} {kind}".encode(), "webp") for kind in ("image", "thumbnail"))
    image = PostImage(post_id=post_id, position=0, file=file, thumbnail=thumbnail, alt=word, width=60, height=40)
    the_db.session.add(image)
    the_db.session.get_one(Post, post_id).has_images = True
    the_db.session.flush()
    return image.id


@pytest.fixture
def build(as_, db, run_jobs, subscribe) -> Callable[[Role], Town]:  # noqa: F811
    def make(role: Role) -> Town:
        walker, ana, ben = as_("walker"), as_("ana"), as_("ben")
        subscribe(walker)
        assert ben.post_form("/post", {"post": "Which tree?"}).status_code == 303
        bens = db.session.scalars(select(Post.id)).one()
        mentioned = "@walker" if role.is_mentioned else "@ben"
        for level, word in WORDS.items():
            form = {"post": f"{mentioned} #tag{word} {KEY}", "visibility": level, "form_key": level}
            assert ana.post_form("/post", {**form, "post": f"{mentioned} was {word}"}).status_code == 303
            post_id = db.session.scalars(select(func.max(Post.id))).one()
            edit = {"post": form["post"], "revision": "0"}
            assert ana.post_form(f"/post/{post_id}/edit", edit).status_code == 303
            assert ana.post_form(f"/post/{bens}/reply", form).status_code == 303
        rows = db.session.execute(select(Post.visibility, Post.id, Post.reply_to_id).where(Post.id != bens)).all()
        posts = {level: post_id for level, post_id, parent in rows if parent is None}
        replies = {level: post_id for level, post_id, parent in rows if parent is not None}
        images = {post_id: add_image(post_id, WORDS[level]) for level, post_id, _parent in rows}
        role.becomes(walker, ana)
        db.session.commit()
        run_jobs()
        return Town(walker, ana, bens, posts, replies, images)

    return make


def lists(town: Town) -> dict[str, str]:
    """The pages that list posts."""
    paths = ["/", "/explore", f"/search?q={KEY}", f"/post/{town.bens}", "/activity", "/suggestions?in=tags&q=tag"]
    return {path: town.walker.get(path).text for path in paths}


@pytest.mark.parametrize("name", ROLES)
def test_post_is_shown_to_its_level_only(build, db, run_jobs, mails, service, name):  # noqa: F811
    role = ROLES[name]
    town = build(role)
    pages = lists(town)
    check_pages_of_posts(town, role)
    check_lists(town, role, pages, name)
    check_what_is_told(town, role, pages, run_jobs)
    mailed = "\n".join(f"{mail.subject}\n{mail.text}\n{mail.html}" for mail in mails.to("walker@example.org"))
    told = role.listed if role.is_mentioned else NONE
    assert town.words(mailed) == told
    pushed = "\n".join(str(push.message) for push in service.pushes)
    assert town.words(pushed) == NONE, "a push quotes nothing"
    assert ("ana mentioned you" in pushed) == bool(told)
    jobs = db.session.scalars(select(Job).where(Job.name == "posts.export", Job.owner_id == town.walker.user.id)).all()
    for job in jobs:
        assert town.words(town.walker.get(f"/tasks/{job.id}/download").text) == NONE


def check_pages_of_posts(town: Town, role: Role) -> None:
    """Each post, and what can be asked of it."""
    walker = town.walker
    for level, post_id in [*town.posts.items(), *town.replies.items()]:
        status = 200 if level in role.opens else 404
        assert walker.get(f"/post/{post_id}").status_code == status, level
        assert walker.get(f"/report/post/{post_id}").status_code == status, level
        assert walker.get(f"/post/{post_id}/edit").status_code == (403 if status == 200 else 404), level
        history = walker.get(f"/post/{post_id}/history")
        assert history.status_code == status, level
        assert town.words(history.text) == ({level} if status == 200 else set())
        for kind, path in (("image", ""), ("thumbnail", "/thumbnail")):
            image = walker.get(f"/post/image/{town.images[post_id]}{path}")
            assert image.status_code == status, level
            assert (image.text == f"{WORDS[level]} {kind}") == (status == 200), level
        if status == 404:
            for action in ("reply", "translate", "language", "edit", "like", "bookmark", "repost"):
                said = walker.post_form(f"/post/{post_id}/{action}", {"post": "x", "form_key": "x"})
                assert said.status_code == 404, (level, action)
            for action in ("delete", "redraft", "undo"):
                assert walker.post_form(f"/post/{post_id}/{action}").status_code == 303
            assert the_db.session.get(Post, post_id, populate_existing=True) is not None


def check_lists(town: Town, role: Role, pages: dict[str, str], name: str) -> None:
    """Lists, and counts that equal them."""
    walker, listed = town.walker, role.listed
    on_home = set(posts_on(pages["/"]))
    assert on_home == ({town.posts[level] for level in listed} if "follower" in name else set())
    assert walker.get("/timeline/news?after=0").get_json()["count"] == len(on_home)
    explored = {town.posts[level] for level in listed & MEMBERS}
    assert set(posts_on(pages["/explore"])) == explored | {town.bens}
    assert set(posts_on(pages[f"/search?q={KEY}"])) == town.ids(listed)
    thread = pages[f"/post/{town.bens}"]
    assert set(posts_on(thread)) == {town.bens} | {town.replies[level] for level in listed}
    assert count_on(thread, _post(town.bens)) == count_on(pages["/explore"], _post(town.bens)) == len(listed)
    # Only tags that all members can see are suggested.
    assert town.words(pages["/suggestions?in=tags&q=tag"]) == listed & MEMBERS
    for level, word in WORDS.items():
        found = {town.posts[level], town.replies[level]} if level in listed & MEMBERS else set()
        assert set(posts_on(walker.get(f"/tag/tag{word}").text)) == found, level
    profile = walker.get("/user/ana").text
    assert set(posts_on(profile)) == town.ids(role.opens)
    if profile_count := re.search(r"<b>(\d+)</b> posts?<", profile):
        assert int(profile_count[1]) == 2 * len(role.opens)
    else:
        assert role.opens == NONE


def check_what_is_told(town: Town, role: Role, pages: dict[str, str], run_jobs: Any) -> None:
    """Notifications and their count; then everything that is sent is sent."""
    told = role.listed if role.is_mentioned else NONE
    assert town.words(pages["/activity"]) == told
    counts = {row["name"]: row["data"] for row in town.walker.get("/notifications?since=0").get_json()}
    if told:
        assert counts["unread_activity_count"] == 2 * len(told)
    for path, page in pages.items():
        assert town.words(page) <= role.opens, path
    town.walker.post_form("/export_posts")
    run_jobs(advance=60)  # pushes
    run_jobs(advance=2 * 86400)  # email


def test_visitor_sees_nothing(build, client):
    town = build(ROLES["member"])
    posts = [f"/post/{one}" for one in town.ids(ALL)]
    images = [f"/post/image/{one}{size}" for one in town.images.values() for size in ("", "/thumbnail")]
    for path in ("/", "/explore", f"/search?q={KEY}", "/user/ana", *posts, *images):
        page = client.get(path)
        assert page.status_code == 302, path
        assert town.words(page.text) == set()


def test_author_sees_everything(build):
    town = build(ROLES["member"])
    assert set(posts_on(town.ana.get("/").text)) == set(town.posts.values())
    page = town.ana.get("/user/ana").text
    assert set(posts_on(page)) == town.ids(ALL)
    assert "<b>6</b> post" in page
    assert count_on(town.ana.get(f"/post/{town.bens}").text, _post(town.bens)) == 3


@pytest.mark.parametrize(("role", "unseen"), [("member", set()), ("mentioned", {"mentioned"})])
def test_author_of_the_parent_sees_replies_for_followers_and_those_that_mention_them(db, as_, build, role, unseen):
    """ "member" mentions ben in every reply, "mentioned" doesn't."""
    town = build(ROLES[role])
    ben = as_(db.session.scalars(select(User).where(User.username == "ben")).one())
    thread = ben.get(f"/post/{town.bens}").text
    seen = {town.replies[level] for level in ALL - unseen}
    assert set(posts_on(thread)) == {town.bens} | seen
    assert count_on(thread, _post(town.bens)) == len(seen)
    assert town.words(ben.get("/activity").text) == ALL - unseen


def _post(post_id: int) -> Any:
    return Post(id=post_id)
