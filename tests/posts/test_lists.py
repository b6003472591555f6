"""Lists of people: made, changed and read by their owner only, with the posts that the owner may see."""

from __future__ import annotations

import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import insert, select

from app.core.database import execute_core
from app.extensions import db as the_db
from app.lists import actions
from app.models import Activity, Follow, Mute, Post, PostRecipient, User, UserList, UserListMember
from tests.factories import a_follow, a_post, a_user
from tests.posts.test_export import download
from tests.posts.test_timelines import everything, posts_on

AT_ONCE = 6


def a_list(owner, *people, name="Friends"):
    """The path of a list of the owner, with these people on it."""
    the_db.session.add(made := UserList(user_id=owner.id, name=name))
    the_db.session.flush()
    the_db.session.add_all(UserListMember(list_id=made.id, user_id=person.id) for person in people)
    the_db.session.commit()
    return f"/list/{made.id}"


def members_of(db, path):
    found = select(User.username).join(UserListMember, UserListMember.user_id == User.id)
    found = found.where(UserListMember.list_id == int(path.rpartition("/")[2])).order_by(User.id)
    db.session.rollback()
    return list(db.session.scalars(found))


def test_a_list_is_made_filled_renamed_and_deleted(as_, db):
    ana, ben = as_("ana"), a_user("ben")
    post = a_post(ben)
    answer = ana.post_form("/lists", {"name": "  My \u202efriends "})
    assert answer.status_code == 303
    path = answer.headers["Location"].removesuffix("/people")
    assert "<bdi>My friends</bdi>" in ana.get("/lists").text
    assert posts_on(ana.get(path).text) == []
    for _ in range(2):  # a double click
        answer = ana.post_form(f"{path}/add", {"username": "@BEN"})
        assert answer.headers["Location"] == f"{path}/people"
    assert "@ben" in ana.get(f"{path}/people").text
    assert posts_on(ana.get(path).text) == [post.id]
    assert ana.post_form(f"{path}/rename", {"name": "Colleagues"}).status_code == 303
    assert "<h1><bdi>Colleagues</bdi></h1>" in ana.get(path).text
    for _ in range(2):
        assert ana.post_form(f"{path}/remove", {"username": "ben", "next": "/lists"}).headers["Location"] == "/lists"
    assert posts_on(ana.get(path).text) == []
    for _ in range(2):
        assert ana.post_form(f"{path}/delete").headers["Location"] == "/lists"
    assert ana.get(path).status_code == 404
    assert db.session.scalars(select(UserList)).all() == []
    assert db.session.scalars(select(Activity).where(Activity.user_id == ben.id)).all() == []


def test_people_are_added_from_the_menu_of_their_profile(as_, db):
    ana, ben = as_("ana"), a_user("ben")
    one, other = a_list(ana.user, ben, name="One"), a_list(ana.user, name="Other")
    assert 'href="/user/ben/lists"' in ana.get("/user/ben").text
    page = ana.get("/user/ben/lists").text
    assert re.findall(r'action="(/list/[^"]+)"', page) == [f"{one}/remove", f"{other}/add"]
    answer = ana.post_form(f"{other}/add", {"username": "ben", "next": "/user/ben/lists"})
    assert answer.headers["Location"] == "/user/ben/lists"
    assert members_of(db, other) == ["ben"]
    assert ana.get("/user/nobody/lists").status_code == 404


@pytest.mark.parametrize("name", ["", "  \u202e ", "x" * 41])
def test_invalid_names_are_refused(as_, db, name):
    ana = as_("ana")
    path = a_list(ana.user, name="Kept")
    assert ana.post_form("/lists", {"name": name}).status_code == 422
    assert ana.post_form(f"{path}/rename", {"name": name}).status_code == 422
    assert db.session.scalars(select(UserList.name)).all() == ["Kept"]


def test_two_lists_of_a_member_have_different_names(as_, db):
    ana, ben = as_("ana"), as_("ben")
    first = a_list(ana.user, name="Friends")
    second = a_list(ana.user, name="Others")
    assert ana.post_form("/lists", {"name": "Friends"}).headers["Location"] == f"{first}/people"
    assert ana.post_form(f"{second}/rename", {"name": "Friends"}).status_code == 422
    assert ana.post_form(f"{second}/rename", {"name": "Others"}).status_code == 303
    assert ben.post_form("/lists", {"name": "Friends"}).status_code == 303
    assert sorted(db.session.scalars(select(UserList.name))) == ["Friends", "Friends", "Others"]


def test_another_member_cannot_see_or_change_a_list(as_, client, db):
    ana, ben = as_("ana"), as_("ben")
    path = a_list(ana.user, ben.user, name="Secret")
    a_post(ben.user)
    for page in (path, f"{path}/people"):
        assert ben.get(page).status_code == 404
        assert client.get(page).status_code == 302
    for what, form in {
        "add": {"username": "ana"},
        "remove": {"username": "ben"},
        "rename": {"name": "Mine"},
    }.items():
        assert ben.post_form(f"{path}/{what}", form).status_code == 404
        assert ben.post_form(f"/list/4711/{what}", form).status_code == 404
    assert ben.post_form(f"{path}/delete").status_code == ben.post_form("/list/4711/delete").status_code == 303
    assert "Secret" not in ben.get("/lists").text + ben.get("/user/ana/lists").text
    assert members_of(db, path) == ["ben"]
    assert db.session.scalars(select(UserList.name)).all() == ["Secret"]


@pytest.mark.parametrize("who", ["ben", "ana"])
def test_a_block_removes_both_from_the_lists_of_the_other(as_, db, who):
    ana, ben, cleo = as_("ana"), as_("ben"), a_user("cleo")
    anas, bens = a_list(ana.user, ben.user, cleo), a_list(ben.user, ana.user, cleo)
    cleos = a_list(cleo, ana.user, ben.user)
    blocker, blocked = (ana, ben) if who == "ben" else (ben, ana)
    assert blocker.post_form(f"/block/{who}").status_code == 303
    assert members_of(db, anas) == members_of(db, bens) == ["cleo"]
    assert members_of(db, cleos) == ["ana", "ben"]
    for one, path, name in ((ana, anas, "ben"), (ben, bens, "ana")):
        page = one.post_form(f"{path}/add", {"username": name}, follow_redirects=True).text
        assert "You can&#39;t add this person." in page
    assert blocker.post_form(f"/unblock/{who}").status_code == 303
    assert blocked.get(f"/user/{blocker.user.username}").status_code == 200
    assert members_of(db, anas) == members_of(db, bens) == ["cleo"]


def test_a_list_shows_what_its_owner_may_see(as_, db):
    """Of people whom the owner follows and of strangers: each level, replies, mutes, suspensions."""
    ana, people = as_("ana"), {name: as_(name) for name in ("friend", "stranger", "muted", "closed", "unlisted")}
    a_follow(ana.user, people["friend"].user)
    path = a_list(ana.user, *(one.user for name, one in people.items() if name != "unlisted"))
    parent = a_post(ana.user)
    for name, one in people.items():
        for level in ("members", "followers", "mentioned"):
            for mention in ("@ana", "@unlisted" if name != "unlisted" else "@friend"):
                text = f"{mention} {name} {level}"
                form = {"post": text, "visibility": level, "form_key": text}
                assert one.post_form("/post", form).status_code == 303
        one.post_form(f"/post/{parent.id}/reply", {"post": "reply", "form_key": "reply"})
    db.session.add(Mute(muter_id=ana.user.id, muted_id=people["muted"].user.id))
    people["closed"].user.active = False
    db.session.commit()
    shown = set(posts_on(ana.get(path).text))
    texts = set(db.session.scalars(select(Post.body).where(Post.id.in_(shown))))
    assert texts == {
        *(f"@ana {name} {level}" for name in ("friend", "stranger") for level in ("members", "followers", "mentioned")),
        *(f"@unlisted friend {level}" for level in ("members", "followers")),
        "@unlisted stranger members",
    }
    assert "@muted" in ana.get(f"{path}/people").text
    assert "@closed" not in ana.get(f"{path}/people").text
    ana.post_form("/unmute/muted")
    assert "muted members" in ana.get(path).text


@pytest.mark.slow
def test_list_equals_a_simple_query(db, as_, configure):
    """The quick way against the obvious one, over random communities, on all pages."""
    configure(POSTS_PER_PAGE=4)
    people = [a_user() for _ in range(10)]
    me, dice = people[0], random.Random(11)
    levels = ["members", "members", "followers", "mentioned"]
    for round_of in range(6):
        for model in (UserList, Follow, Post):
            db.session.execute(model.__table__.delete())
        followed = {person.id for person in dice.sample(people[1:], dice.randint(0, 9))}
        db.session.add_all(Follow(follower_id=me.id, followed_id=one) for one in followed)
        listed = dice.sample(people, dice.randint(1, 9))
        path = a_list(me, *listed)
        authors = dice.choices(people, weights=[dice.random() ** 3 for _ in people], k=60)
        rows = [
            {"author_id": who.id, "body": "x", "search_text": "x", "visibility": dice.choice(levels)} for who in authors
        ]
        posts = list(db.session.scalars(insert(Post).returning(Post), rows))
        received = {post.id for post in posts if post.visibility != "members" and dice.random() < 0.4}
        received |= {post.id for post in posts if post.visibility == "mentioned" and post.author_id == me.id}
        db.session.add_all(PostRecipient(user_id=me.id, post_id=one) for one in received)
        db.session.commit()

        def is_seen(post, followed=followed, received=received):
            is_for_me = post.author_id == me.id or post.author_id in followed
            return post.visibility == "members" or post.id in received or (post.visibility == "followers" and is_for_me)

        ids = {person.id for person in listed}
        expected = [post.id for post in posts if post.author_id in ids and is_seen(post)]
        assert everything(as_(me), path) == sorted(expected, reverse=True), round_of


def test_list_pages_take_few_statements_for_any_content(as_, db, queries):
    """The viewer, the list, and the posts or people; on the page of all lists, only the lists."""
    ana = as_("ana")
    ana.get("/messages")
    for number in (0, 40):
        people = [a_user() for _ in range(number)]
        path = a_list(ana.user, *people, name=f"With {number}")
        for person in people:
            a_post(person)
        for page, statements in {path: 3, f"{path}/people": 3, "/lists": 2}.items():
            with queries() as asked:
                assert ana.get(page).status_code == 200
            assert len(asked) == statements, asked


def test_lists_are_limited(as_, db, monkeypatch):
    monkeypatch.setattr(actions, "MAX_LISTS", 2)
    monkeypatch.setattr(actions, "MAX_PEOPLE", 2)
    ana = as_("ana")
    path = a_list(ana.user, a_user("ben"), a_user("cleo"))
    a_user("dan")
    page = ana.post_form(f"{path}/add", {"username": "dan"}, follow_redirects=True).text
    assert "A list can have up to 2 people." in page
    ana.post_form(f"{path}/add", {"username": "ben"})
    assert members_of(db, path) == ["ben", "cleo"]
    assert ana.post_form("/lists", {"name": "Two"}).status_code == 303
    refused = ana.post_form("/lists", {"name": "Three"})
    assert refused.status_code == 422
    assert "You can have up to 2 lists." in refused.text
    assert ana.post_form("/lists", {"name": "Two"}).status_code == 303


def test_concurrent_requests_do_not_exceed_the_limits(as_, db, monkeypatch):
    monkeypatch.setattr(actions, "MAX_LISTS", 3)
    monkeypatch.setattr(actions, "MAX_PEOPLE", 3)
    ana = a_user("ana")
    people = [a_user() for _ in range(AT_ONCE)]
    browsers, gate = [as_(ana) for _ in range(AT_ONCE)], Barrier(AT_ONCE)
    path = a_list(ana)

    def make(at):
        gate.wait()
        added = browsers[at].post_form(f"{path}/add", {"username": people[at].username}).status_code
        return added, browsers[at].post_form("/lists", {"name": f"List {at}"}).status_code

    names = [person.username for person in people]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(make, range(AT_ONCE)))
    assert {added for added, _made in answers} == {303}
    assert sorted(made for _added, made in answers) == [303, 303, 422, 422, 422, 422]
    assert len(members_of(db, path)) == 3
    assert set(members_of(db, path)) < set(names)
    assert len(db.session.scalars(select(UserList)).all()) == 3


def test_adding_and_removing_at_once_leaves_one_row_or_none(as_, db):
    ana = a_user("ana")
    a_user("ben")
    browsers, gate = [as_(ana) for _ in range(AT_ONCE)], Barrier(AT_ONCE)
    path = a_list(ana)

    def click(at):
        gate.wait()
        return browsers[at].post_form(f"{path}/{'add' if at % 2 else 'remove'}", {"username": "ben"}).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert set(pool.map(click, range(AT_ONCE))) == {303}
    assert members_of(db, path) in ([], ["ben"])
    browsers[0].post_form(f"{path}/add", {"username": "ben"})
    assert members_of(db, path) == ["ben"]


def test_lists_are_exported_and_deleted_with_the_account(as_, db, run_jobs):
    ana, ben = as_("ana"), as_("ben")
    path = a_list(ana.user, ben.user)
    bens = a_list(ben.user, ana.user)
    ana.post_form("/export_posts")
    run_jobs()
    [exported] = download(ana, db)["lists"]
    assert (exported["name"], exported["people"]) == ("Friends", ["ben"])
    assert "bens" not in json.dumps(exported)
    execute_core(User.__table__.delete().where(User.id == ana.user.id), {})
    db.session.commit()
    assert members_of(db, path) == members_of(db, bens) == []
    assert len(db.session.scalars(select(UserList)).all()) == 1
