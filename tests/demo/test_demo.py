from __future__ import annotations

import pytest
from sqlalchemy import func, select

from app.cli.demo import PASSWORD
from app.demo import building, script
from app.lib.text.length import grapheme_count
from app.lib.text.rich import mentions
from app.models import Follow, Job, Message, Post, PostBookmark, PostImage, PostLike, PostPoll, PostRepost, User
from tests.factories import a_user
from tests.support.client import in_new_context

pytestmark = pytest.mark.slow


@pytest.fixture
def demo(app, db):
    """`flask demo`."""
    runner, level = app.test_cli_runner(), app.logger.level
    yield lambda *arguments: in_new_context(runner.invoke, args=["demo", *arguments])
    app.logger.setLevel(level)  # the command hides warnings


def rows(db):
    models = (User, Follow, Post, Message, PostLike, PostBookmark, PostRepost)
    return [db.session.scalar(select(func.count()).select_from(model)) for model in models]


def looks_lived_in(db):
    newest, oldest = db.session.execute(select(func.max(Post.created_at), func.min(Post.created_at))).one()
    assert (newest - oldest).days >= 20
    in_order = db.session.scalars(select(Post.created_at).order_by(Post.id)).all()
    assert in_order == sorted(in_order)
    assert len(set(db.session.scalars(select(Post.language)))) >= 12
    assert set(db.session.scalars(select(Post.visibility))) == {"members", "followers", "mentioned"}
    assert db.session.scalar(select(func.count()).where(Post.warning != "")) == 2
    assert db.session.scalar(select(func.count()).where(Post.revision > 0)) == 1
    assert len(db.session.scalars(select(PostImage.file)).all()) == 3 and all(db.session.scalars(select(PostImage.alt)))
    assert db.session.scalar(select(func.count()).where(Post.quote_of_id.is_not(None))) == 3
    assert db.session.scalar(select(func.count()).where(User.email_confirmed_at.is_(None))) == 0


def test_demo_data_is_created_once_and_sends_no_email(app, db, demo, client, run_jobs, mails):
    result = demo()
    assert result.exit_code == 0, result.output
    assert f"as ana, password: {PASSWORD}" in result.output
    made = rows(db)
    people, follows, posts, messages, likes, bookmarks, reposts = made
    assert (people, posts) == (24, 206)
    assert follows > 100 and messages > 60 and likes > 300 and bookmarks > 100 and reposts > 20
    looks_lived_in(db)
    run_jobs(advance=8 * 86_400)  # so that every digest had its time
    assert len(mails) == 0
    # The poll isn't over, so its job waits for the end.
    assert set(db.session.scalars(select(Job.name).where(Job.state != "done"))) == {"posts.close_poll"}
    assert db.session.scalar(select(PostPoll.voters)) > 5

    again = demo()
    assert again.exit_code == 0
    assert "already exists" in again.output and PASSWORD in again.output
    assert rows(db) == made

    answer = client.submit("/auth/login", {"username": "ana", "password": PASSWORD})
    assert answer.status_code in {302, 303}
    for page in ("/", "/explore", "/messages", "/user/ana", "/user/유나", "/messages/ben", "/search?q=%23pan"):
        assert client.get(page).status_code == 200, page
    for page in ("/likes", "/bookmarks"):
        assert client.get(page).text.count("<article") > 3, page
    assert "we have not met" in client.get("/messages/requests").text
    inbox = client.get("/messages").text
    assert "five-o&#39;clock club" in inbox and "Draft:" in inbox
    assert "rather flat" in client.get("/messages/ben").text
    told = client.get("/notifications?since=0").json
    assert {"unread_message_count": 3}.items() <= {one["name"]: one["data"] for one in told}.items()


def test_an_interrupted_demo_is_completed(db, demo, monkeypatch):
    steps = building.steps
    monkeypatch.setattr(building, "steps", lambda *arguments: steps(*arguments)[:200])
    demo()
    assert rows(db)[3] == 0
    monkeypatch.setattr(building, "steps", steps)
    assert "ready" in demo().output
    assert rows(db)[0] == 24 and rows(db)[2] == 206 and rows(db)[3] > 60 and rows(db)[4] > 300


def test_demo_does_not_take_over_an_existing_account(db, demo):
    a_user("ana")
    result = demo()
    assert result.exit_code == 1
    assert "ana belongs to an account" in result.output
    assert rows(db)[0] == 1


def test_demo_rejects_a_weak_password_with_a_message(demo):
    result = demo("--password", "12345678")
    assert result.exit_code == 1
    assert result.output.count("Error:") == 1 and "password" in result.output


def test_demo_refuses_to_run_in_production(make_app, db, settings):
    app = make_app(
        microblog_env="production",
        public_url="https://microblog.test",
        mail_server="mail.microblog.test",
    )
    result = in_new_context(app.test_cli_runner().invoke, args=["demo"])
    assert result.exit_code == 1
    assert "production" in result.output
    assert not any(rows(db))


def test_demo_texts_fit_the_limit_and_mention_existing_members():
    names = {person.username for person in script.people()}
    for entry in script.posts():
        assert grapheme_count(entry.body) <= 500
        assert set(mentions(entry.body)) <= names, entry
    for talk in script.conversations():
        assert set(talk.between) <= names
        assert {who for who, _text in talk.lines} <= set(talk.between)
        unread_by = {who for who, _text in talk.lines[len(talk.lines) - talk.unread :]}
        assert len(unread_by) <= 1, "what one has not read comes from the other alone"
