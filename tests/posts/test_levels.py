"""Levels and content warnings: chosen in the composer, kept in drafts, shown on posts, and never lost on the way."""

from __future__ import annotations

import random
import re

import flask_migrate
import pytest
from sqlalchemy import insert, select, text

from app import create_app
from app.config import Settings
from app.core.exceptions import ActionError
from app.core.migrations import migrate
from app.extensions import db as the_db
from app.models import Follow, Post, PostRecipient
from app.posts.actions import MAX_MENTIONS, PostOptions, publish, reply
from app.queries import home as home_timeline
from app.queries import timelines
from tests.delivery.push.conftest import service, subscribe  # noqa: F401 - fixtures
from tests.factories import a_follow, a_post, a_user
from tests.posts.test_drafts import write
from tests.posts.test_timelines import everything, posts_on
from tests.support.forms import fill

PREVIOUS = "0010"  # the revision before the levels


def level_of(page: str, action: str) -> str:
    """The level that a form of a page offers first."""
    form = re.search(rf'<form[^>]*action="{action}".*?</form>', page, re.DOTALL)[0]
    select_of = re.search(r'<select[^>]*name="visibility".*?</select>', form, re.DOTALL)[0]
    return re.search(r'<option selected value="(\w+)"', select_of)[1]


def newest() -> Post:
    row = the_db.session.scalars(select(Post).order_by(Post.id.desc()).limit(1)).one()
    the_db.session.refresh(row)
    return row


def post_as(browser, body="Hello, world", **form):
    answer = browser.submit("/", {"post": body, **form}, action="/post")
    assert answer.status_code == 303, answer.text
    return newest()


def test_composer_stores_the_level_and_the_warning(as_):
    ana, ben = as_("ana"), as_("ben")
    page = ana.get("/").text
    assert level_of(page, "/post") == "members"
    assert 'value="public"' not in page
    row = post_as(ana, "@ben the butler", visibility="mentioned", warning="  The  ending ")
    assert (row.visibility, row.warning) == ("mentioned", "The ending")
    recipients = set(the_db.session.scalars(select(PostRecipient.user_id).where(PostRecipient.post_id == row.id)))
    assert recipients == {ana.user.id, ben.user.id}
    for body, expected in (("@ben look", [ben.user.id]), ("Look", [])):
        row = post_as(ana, body, visibility="followers")
        stored = the_db.session.scalars(select(PostRecipient.user_id).where(PostRecipient.post_id == row.id)).all()
        assert stored == expected, "home needs the author's own row only for mentioned people"
    row = post_as(ana)
    assert (row.visibility, row.warning) == ("members", "")
    assert not the_db.session.scalars(select(PostRecipient).where(PostRecipient.post_id == row.id)).all()


@pytest.mark.parametrize("body", ["To nobody", "Only to @nobody", "To myself: @ana"])
def test_post_for_mentioned_people_must_mention_someone(as_, db, body):
    ana = as_("ana")
    answer = ana.post_form("/post", {"post": body, "visibility": "mentioned", "warning": "Odd", "form_key": "key"})
    assert answer.status_code == 422
    assert "Mention at least one person" in answer.text
    assert level_of(answer.text, "/post") == "mentioned"
    assert db.session.scalar(select(Post.id)) is None
    fields = fill(ana.get("/").text, {}, "/", "/post")[1]
    assert (fields["visibility"], fields["warning"]) == ("mentioned", "Odd")


def test_post_for_mentioned_people_mentions_no_more_than_are_told(as_):
    ana = as_("ana")
    names = [a_user(f"reader{number}").username for number in range(MAX_MENTIONS + 1)]
    form = {"post": " ".join(f"@{name}" for name in names), "visibility": "mentioned", "form_key": "key"}
    answer = ana.post_form("/post", form)
    assert answer.status_code == 422
    assert f"You can mention up to {MAX_MENTIONS} people" in answer.text
    assert ana.post_form("/post", {**form, "visibility": "followers"}).status_code == 303
    form["post"] = form["post"].replace(f"@{names[0]} ", "")
    assert ana.post_form("/post", form).status_code == 303
    assert newest().visibility == "mentioned"


def test_default_comes_from_the_member_or_else_from_the_site(as_, configure):
    ana = as_("ana")
    configure(POST_VISIBILITY="followers")
    assert level_of(ana.get("/").text, "/post") == "followers"
    assert 'checked class="form-check-input" id="post_visibility-1"' in ana.get("/privacy").text
    ana.submit("/privacy", {"post_visibility": "members"}, action="/privacy")
    assert level_of(ana.get("/").text, "/post") == "members"
    ana.submit("/privacy", {"post_visibility": "followers"}, action="/privacy")
    configure(POST_VISIBILITY="members")
    assert level_of(ana.get("/").text, "/post") == "followers", "a choice isn't forgotten because it was the default"
    ana.submit("/privacy", {"post_visibility": "members"}, action="/privacy")
    configure(POST_VISIBILITY="followers")
    assert level_of(ana.get("/").text, "/post") == "followers", "who keeps the default of the site follows it"
    configure(POST_VISIBILITY="members")
    ana.submit("/privacy", {"post_visibility": "followers"}, action="/privacy")
    assert level_of(ana.get("/").text, "/post") == "followers"
    ana.post_form("/privacy", {"writable_by": "everyone"})
    assert level_of(ana.get("/").text, "/post") == "followers", "a form of the previous version has no such field"
    assert ana.post_form("/privacy", {"writable_by": "everyone", "post_visibility": "mentioned"}).status_code == 422
    assert ana.post_form("/post", {"post": "without a field"}).status_code == 303
    assert newest().visibility == "followers"


@pytest.mark.parametrize(
    ("parent", "own", "expected"),
    [
        ("public", "members", "members"),
        ("members", "members", "members"),
        ("members", "followers", "followers"),
        ("followers", "members", "mentioned"),
        ("followers", "followers", "mentioned"),
        ("mentioned", "members", "mentioned"),
        ("mentioned", "followers", "mentioned"),
    ],
)
def test_reply_is_not_wider_than_its_parent_unless_chosen(as_, db, parent, own, expected):
    ana, ben, cleo = as_("ana"), as_(a_user("ben", post_visibility=own)), a_user("cleo")
    a_follow(ben.user, ana.user)
    post = a_post(ana.user, "@ben @cleo look", visibility=parent)
    db.session.add(PostRecipient(user_id=ben.user.id, post_id=post.id))
    db.session.commit()
    path = f"/post/{post.id}"
    page = ben.get(path).text
    assert level_of(page, f"{path}/reply") == expected
    mentioned = "@ana @cleo " if expected == "mentioned" else ""
    assert fill(page, {}, path, f"{path}/reply")[1]["post"].strip() == mentioned.strip()
    form = {"post": f"{mentioned}I see"}
    assert ben.post_form(f"{path}/reply", {**form, "form_key": "a"}).status_code == 303
    assert newest().visibility == expected
    assert ben.submit(path, {**form, "visibility": "members"}, action=f"{path}/reply").status_code == 303
    assert newest().visibility == "members"
    del cleo


def test_default_reply_to_a_post_for_followers_stays_among_those_who_can_see_it(as_):
    ana, ben, cleo, dan = as_("ana"), as_("ben"), as_("cleo"), as_("dan")
    a_follow(ben.user, ana.user)
    a_follow(cleo.user, ben.user)
    post = post_as(ana, "@dan look", visibility="followers")
    assert cleo.get(f"/post/{post.id}").status_code == 404
    assert ben.submit(f"/post/{post.id}", {}, action=f"/post/{post.id}/reply").status_code == 303
    answer = newest()
    assert answer.body == "@ana @dan"
    assert [who.get(f"/post/{answer.id}").status_code for who in (ana, dan, cleo)] == [200, 200, 404]
    path = f"/post/{post.id}"
    assert level_of(ana.get(path).text, f"{path}/reply") == "followers", "the followers of the same person"
    assert fill(ana.get(path).text, {}, path, f"{path}/reply")[1]["post"].strip() == ""


def test_form_sent_again_with_another_level_is_another_post(as_, db):
    ana = as_("ana")
    for level in ("members", "followers", "followers"):
        form = {"post": "Hello", "form_key": "key", "visibility": level}
        assert ana.post_form("/post", form).status_code == 303
    assert list(db.session.scalars(select(Post.visibility).order_by(Post.id))) == ["members", "followers"]


def test_draft_keeps_the_level_and_the_warning(as_):
    ana = as_("ana")
    assert write(ana, "half a thought", visibility="followers", warning="Whales")["saved"]
    saved = ana.get("/post/draft").get_json()
    assert (saved["visibility"], saved["warning"]) == ("followers", "Whales")
    page = as_(ana.user).get("/").text
    fields = fill(page, {}, "/", "/post")[1]
    assert (fields["visibility"], fields["warning"]) == ("followers", "Whales")
    assert '<details class="warning-field" open>' in page
    write(ana, "half a thought", visibility="nonsense", warning="\0")
    saved = ana.get("/post/draft").get_json()
    assert (saved["visibility"], saved["warning"]) == ("members", "")


def test_text_is_folded_behind_its_warning(as_):
    ana, ben = as_("ana"), as_("ben")
    post = post_as(ana, "The butler #did it in the pantry", warning="The <b>ending</b>", language="en")
    for path in ("/explore", "/user/ana", "/search?q=butler", "/search?q=ending", f"/post/{post.id}"):
        page = ben.get(path).text
        folded = re.search(r'<details class="warned">(.*?)</details>', page, re.DOTALL)[1]
        summary = re.search(r"<summary>(.*?)</summary>", folded, re.DOTALL)[1]
        assert 'Content warning: <bdi lang="en">The &lt;b&gt;ending&lt;/b&gt;</bdi>' in summary
        assert "pantry" in folded
        assert "pantry" not in page.replace(folded, ""), path
    assert "tags-here" not in ben.get("/explore").text
    assert ben.get("/suggestions?in=tags&q=di").get_json() == []
    assert "The butler" in ben.get(f"/report/post/{post.id}").text


def test_warning_replaces_the_text_wherever_it_is_told(as_, run_jobs, mails, service, subscribe):  # noqa: F811
    ana, ben = as_("ana"), as_("ben")
    subscribe(ben)
    post_as(ana, "@ben the butler did it", warning="The ending", language="en")
    assert "butler" not in ben.get("/activity").text
    assert "Content warning: The ending" in ben.get("/activity").text
    run_jobs(advance=2 * 86400)
    (mail,) = mails.to("ben@example.org")
    assert "butler" not in f"{mail.subject}{mail.text}{mail.html}"
    assert "Content warning: The ending" in mail.text
    assert "butler" not in str([push.message for push in service.pushes])


def test_evidence_of_a_report_has_the_warning(as_):
    ana, ben = as_("ana"), as_("ben")
    post = post_as(ana, "The butler did it", warning="The ending")
    answer = ben.post_form(f"/report/post/{post.id}", {"note": "Spoiler"})
    page = ben.get(answer.headers["Location"]).text
    assert "Content warning: <bdi>The ending</bdi>" in page
    assert "The signature is valid" in page


def test_kept_fragment_shows_a_new_level_and_warning_at_once(as_, db):
    ben, cleo, ana = as_("ben"), as_("cleo"), a_user("ana")
    a_follow(ben.user, ana)
    post = a_post(ana, "The butler did it in the pantry")
    assert "warned" not in ben.get("/").text
    assert "warned" not in cleo.get("/explore").text
    post.visibility, post.warning = "followers", "The ending"
    db.session.commit()
    page = ben.get("/").text
    assert '<details class="warned">' in page
    assert "Only for followers" in page
    for path in ("/explore", "/search?q=butler", "/user/ana"):
        assert "pantry" not in cleo.get(path).text
    ben.post_form("/unfollow/ana")
    assert posts_on(ben.get("/").text) == posts_on(ben.get("/user/ana").text) == []


def test_likes_and_bookmarks_of_a_post_that_became_invisible_are_hidden(as_):
    ana, ben = as_("ana"), as_("ben")
    a_follow(ben.user, ana.user)
    post = post_as(ana, visibility="followers")
    for action in ("like", "bookmark"):
        assert ben.post_form(f"/post/{post.id}/{action}").status_code == 303
    assert posts_on(ben.get("/likes").text) == posts_on(ben.get("/bookmarks").text) == [post.id]
    ben.post_form("/unfollow/ana")
    assert posts_on(ben.get("/likes").text) == posts_on(ben.get("/bookmarks").text) == []
    assert ben.post_form(f"/post/{post.id}/unlike").status_code == 404


def test_hidden_parent_is_a_placeholder_without_a_name(as_, db):
    ana, ben, cleo = as_("ana"), as_("ben"), as_("cleo")
    a_follow(ben.user, ana.user)
    post = post_as(ana, visibility="followers")
    values = {"viewer_id": ben.user.id, "post_id": post.id}
    loaded = db.session.scalar(timelines.by_id(), values, execution_options={"populate_existing": True})
    answer = reply(ben.user, loaded, "Everyone may read this", PostOptions(visibility="members"))
    db.session.commit()
    page = cleo.get(f"/post/{answer.id}").text
    assert posts_on(page) == [answer.id]
    assert "This post isn&#39;t available." in page
    assert "@ana" not in page
    assert "@ana" not in cleo.get("/user/ben").text


def test_warning_longer_than_its_column_is_refused(as_):
    ana = as_("ana")
    answer = ana.post_form("/post", {"post": "x", "warning": "ñ" * 121})
    assert answer.status_code == 422
    assert ana.post_form("/post", {"post": "x", "warning": "ñ" * 120}).status_code == 303
    with pytest.raises(ActionError):
        publish(ana.user, "x", PostOptions(warning="\ud800"))


@pytest.mark.slow
def test_home_with_levels_equals_a_simple_query(db, as_, configure):
    configure(POSTS_PER_PAGE=4)
    people = [a_user() for _ in range(8)]
    me, dice = people[0], random.Random(7)
    for round_of in range(5):
        for model in (Follow, Post):
            db.session.execute(model.__table__.delete())
        followed = dice.sample(people[1:], dice.randint(0, 7))
        db.session.add_all(Follow(follower_id=me.id, followed_id=person.id) for person in followed)
        levels = dice.choices(["members", "followers", "mentioned"], weights=[1, 2, 3], k=60)
        rows = [{"author_id": dice.choice(people).id, "body": "x", "visibility": level} for level in levels]
        db.session.execute(insert(Post), rows)
        db.session.flush()
        mentioned = list(db.session.scalars(select(Post).where(Post.visibility == "mentioned")))
        pairs = {(post.author_id, post.id) for post in mentioned}
        pairs |= {(me.id, post.id) for post in mentioned if dice.random() < 0.5}
        db.session.add_all(PostRecipient(user_id=user_id, post_id=post_id) for user_id, post_id in pairs)
        db.session.commit()
        authors = [me.id, *(person.id for person in followed)]
        plain = select(Post.id).where(Post.author_id.in_(authors)).order_by(Post.id.desc())
        unseen = {post.id for post in mentioned if (me.id, post.id) not in pairs}
        expected = [post_id for post_id in db.session.scalars(plain) if post_id not in unseen]
        browser = as_(me)
        assert everything(browser, "/") == expected, round_of
        assert browser.get("/timeline/news?after=0").get_json()["count"] == min(len(expected), 50)


def test_queries_use_the_partial_indexes(db):
    """On SQLite the plan says so."""
    if the_db.engine.dialect.name != "sqlite":
        pytest.skip("the wording of the plan is SQLite's")
    ana = a_user("ana")
    values = timelines.page_parameters(ana, before=None, size=25)
    home, explore = home_timeline.home().params(values), timelines.explore().params(values)
    hidden = select(timelines.hidden_count(ana.id, 2))
    for query, index in [
        (home, "ix_post_author_id_home"),
        (home, "sqlite_autoindex_post_recipient_1"),
        (explore, "ix_post_open_roots"),
        (explore, "ix_post_reply_to_id_restricted"),
        (hidden, "ix_post_author_id_restricted"),
    ]:
        sql = str(query.compile(the_db.engine, compile_kwargs={"literal_binds": True}))
        plan = [row[-1] for row in db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
        assert any(index in step for step in plan), (index, plan)


@pytest.mark.slow
def test_migration_keeps_posts_for_members_and_downgrade_shows_no_restricted_post(database, tmp_path):
    url = database.copy()
    app = create_app(Settings(microblog_env="test", data_dir=tmp_path, secret_key="x" * 40, database_url=url))
    migrate.init_app(app)
    with app.app_context():
        ana = a_user("ana")
        publish(ana, "Hello")
        the_db.session.commit()
        the_db.session.remove()
        flask_migrate.downgrade(revision=PREVIOUS)
        flask_migrate.upgrade()
        assert the_db.session.scalars(select(Post.visibility)).all() == ["members"]
        the_db.session.execute(text("UPDATE post SET visibility = 'followers'"))
        the_db.session.commit()
        the_db.session.remove()
        with pytest.raises(SystemExit):
            flask_migrate.downgrade(revision=PREVIOUS)
        the_db.session.remove()
        assert the_db.session.scalars(select(Post.visibility)).all() == ["followers"]
        the_db.session.remove()
        the_db.engine.dispose()
