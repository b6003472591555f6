"""The stored numbers of a profile: shown as they are, kept true by whatever happens, counted anew every day."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import flask_migrate
import pytest
from sqlalchemy import delete, select, text, update

from app import create_app
from app.config import Settings
from app.core.database import read_transaction
from app.core.migrations import migrate
from app.extensions import db as the_db
from app.jobs import enqueue
from app.models import Follow, Job, Post, ProfileCount, User
from app.posts import actions as posts
from app.profiles import actions, daily_recount
from tests.factories import a_follow, a_post, a_user
from tests.support.client import in_new_context


def profile_counts(browser, name):
    """(posts, followers, following) on a page, and the same on the hover card."""
    pages = [browser.get(f"/user/{name}{page}").text for page in ("", "/popup")]
    found = [re.findall(r"<b>(\d+)</b> (?:posts?|followers?|following)<", " ".join(page.split())) for page in pages]
    assert found[0] == found[1]
    return [int(number) for number in found[0]]


@pytest.fixture
def cli(app, db):
    def run(*arguments):
        result = in_new_context(app.test_cli_runner().invoke, args=["users", *arguments])
        assert result.exit_code == 0, result.output

    return run


@pytest.fixture
def run_recount(app, db):
    """Run the daily recount."""

    def inside():
        with app.app_context(), read_transaction():
            return daily_recount.recount()

    return lambda: in_new_context(inside)


def test_profile_pages_show_stored_counts_without_counting(db, as_):
    ben = a_user("ben")
    db.session.execute(
        update(ProfileCount).where(ProfileCount.user_id == ben.id).values(posts=70, followers=80, following=90)
    )
    db.session.commit()
    assert profile_counts(as_("ana"), "ben") == [70, 80, 90]


def test_follows_across_a_block_are_not_counted_for_the_viewer(db, as_):
    ana, ben, cleo, dan = as_("ana"), a_user("ben"), as_("cleo"), as_("dan")
    for one in (ana.user, cleo.user, dan.user):
        a_follow(one, ben)
    a_follow(ben, dan.user)
    ana.post_form("/block/cleo")
    dan.post_form("/block/ana")
    assert profile_counts(ana, "ben") == [0, 1, 0]
    assert profile_counts(cleo, "ben") == [0, 2, 1]
    assert profile_counts(as_("eve"), "ben") == [0, 3, 1]


def test_counts_exclude_suspended_accounts_and_include_them_after_reinstatement(db, as_, cli, run_jobs, run_recount):
    ana, gone, zoe = as_("ana"), a_user("gone"), a_user("zoe")
    a_follow(gone, ana.user)
    a_follow(zoe, gone)
    a_follow(zoe, ana.user)
    for command, expected in (("suspend", ([0, 1, 0], [0, 0, 1])), ("reinstate", ([0, 2, 0], [0, 0, 2]))):
        cli(command, "gone")
        run_jobs()
        assert (profile_counts(ana, "ana"), profile_counts(ana, "zoe")) == expected
        assert run_recount()["drift"] == 0


def test_follow_of_a_closed_account_is_not_counted(db, as_):
    ana, gone = as_("ana"), a_user("gone", active=False)
    a_follow(gone, ana.user)
    a_follow(ana.user, gone)
    assert profile_counts(ana, "ana") == [0, 0, 0]


def test_deleting_an_account_updates_counts_of_others(db, as_, run_recount):
    ana, ben = as_("ana"), a_user("ben")
    a_follow(ben, ana.user)
    a_post(ben)
    db.session.execute(delete(User).where(User.id == ben.id))  # cascades
    db.session.commit()
    assert profile_counts(ana, "ana") == [0, 0, 0]
    assert run_recount()["drift"] == 0


def test_drifted_profile_counts_are_repaired_and_reported(db, as_, caplog, run_jobs):
    ana, ben = as_("ana"), a_user("ben")
    a_follow(ben, ana.user)
    a_post(ana.user)
    db.session.execute(update(ProfileCount).where(ProfileCount.user_id == ana.user.id).values(posts=7, followers=0))
    db.session.commit()

    def night():
        row = enqueue("profiles.recount")
        db.session.commit()
        run_jobs()
        return db.session.get(Job, row.id, populate_existing=True).result

    assert night() == {"checked": 6, "drift": 2}
    assert f"the profile of person {ana.user.id} was [7, 0, 0], is [1, 1, 0]" in caplog.text
    assert profile_counts(ana, "ana") == [1, 1, 0]
    assert night()["drift"] == 0


def test_incorrectly_counted_follow_is_repaired(db, as_, run_recount):
    ana, ben = as_("ana"), a_user("ben")
    a_follow(ben, ana.user)
    db.session.execute(update(Follow).values(counted=False))
    db.session.commit()
    assert profile_counts(ana, "ana") == [0, 0, 0]
    assert run_recount() == {"checked": 6, "drift": 1}
    assert profile_counts(ana, "ana") == [0, 1, 0]


@pytest.mark.slow
def test_concurrent_actions_keep_counts_correct(app, db, run_recount):
    """Follows in a circle and of one person, posts, and an account that is closed and opened meanwhile."""
    ids = [a_user(name).id for name in ("ana", "ben", "cleo", "dan")]
    db.session.commit()

    def act(turn):
        with app.app_context():
            me, other = (the_db.session.get(User, ids[(turn + step) % 3]) for step in (0, 1 + turn % 2))
            if turn % 7 == 0:
                closed = the_db.session.get(User, ids[3])
                closed.active = not closed.active
                enqueue("profiles.count_follows", user_id=closed.id)
            elif turn % 3 == 0:
                actions.unfollow(me, other)
            else:
                actions.follow(me, other)
                the_db.session.commit()
                actions.follow(the_db.session.get(User, ids[3]), me)
                the_db.session.commit()
                posts.publish(me, f"turn {turn} @{other.username}")
            the_db.session.commit()
            if turn % 7 == 0:
                with read_transaction():
                    daily_recount.recount()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(act, range(60)))
    db.session.expire_all()
    counted = {
        row.user_id: (row.posts, row.followers, row.following) for row in db.session.scalars(select(ProfileCount))
    }
    run_recount()
    follows = db.session.execute(select(Follow.follower_id, Follow.followed_id).where(Follow.counted)).all()
    written = db.session.scalars(select(Post.author_id)).all()
    assert written
    truth = {
        one: (written.count(one), sum(row[1] == one for row in follows), sum(row[0] == one for row in follows))
        for one in ids
    }
    db.session.expire_all()
    again = {row.user_id: (row.posts, row.followers, row.following) for row in db.session.scalars(select(ProfileCount))}
    assert again == truth
    assert [counted[one][0] for one in ids] == [truth[one][0] for one in ids]


@pytest.mark.slow
def test_migration_counts_existing_rows(database, tmp_path):
    url = database.copy()
    app = create_app(Settings(microblog_env="test", data_dir=tmp_path, secret_key="x" * 40, database_url=url))
    migrate.init_app(app)
    with app.app_context():
        flask_migrate.downgrade(revision="0005")
        columns = (
            "username, username_key, username_skeleton, name, email, email_key, password_hash, about_me, search_text"
        )
        columns += ", language, timezone, theme, avatar, show_last_seen, created_at, password_changed_at, active"
        moment = "CURRENT_TIMESTAMP"
        for name, active in (("ana", "true"), ("ben", "true"), ("gone", "false")):
            words = ", ".join(f"'{name}'" for _ in range(3))
            rest = f"'', '{name}', '{name}', '-', '', '', '', '', 'auto', '', true, {moment}, {moment}, {active}"
            the_db.session.execute(text(f'INSERT INTO "user" ({columns}) VALUES ({words}, {rest})'))
        ana, ben, gone = the_db.session.scalars(text('SELECT id FROM "user" ORDER BY username')).all()
        for one, other in ((ben, ana), (gone, ana), (ana, gone)):
            the_db.session.execute(text(f"INSERT INTO follow VALUES ({one}, {other}, {moment})"))
        post = "INSERT INTO post (author_id, body, language, created_at, search_text)"
        the_db.session.execute(text(f"{post} VALUES ({ana}, 'x', '', {moment}, '')"))
        the_db.session.commit()
        flask_migrate.upgrade()
        found = the_db.session.execute(text("SELECT * FROM profile_count ORDER BY user_id")).all()
        the_db.session.remove()
        the_db.engine.dispose()
    assert found == [(ana, 1, 1, 0), (ben, 0, 0, 1), (gone, 0, 0, 0)]
