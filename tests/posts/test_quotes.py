"""Quotes: written about a post, shown with it, counted, listed, and told to its author."""

from __future__ import annotations

import re

import flask_migrate
import pytest
from sqlalchemy import delete, func, select, text, update

from app import create_app
from app.config import Settings
from app.core.exceptions import ActionError
from app.core.migrations import migrate
from app.core.time import now
from app.extensions import db as the_db
from app.models import Activity, Post, PostCount, PostDraft, User
from app.posts.actions import PostOptions, publish
from app.privacy.actions import block
from app.queries import quotes
from tests.factories import a_follow, a_post, a_user
from tests.posts.test_likes import recount  # noqa: F401 - a fixture
from tests.posts.test_timelines import everything, posts_on
from tests.support.client import in_new_context

PREVIOUS = "0020"  # the last migration before quotes
GONE = "This post isn&#39;t available."


def quote(browser, post, body="Look at this", **form) -> int:
    """Quote through the form."""
    path = f"/post/{post.id}/quote"
    said = browser.submit(path, {"post": body, **form}, action=path)
    assert said.status_code == 303, said.text
    return int(re.fullmatch(r"/post/(\d+)", said.headers["Location"])[1])


def card_on(page: str, post_id: int) -> str | None:
    """The card in a post of a page; None if the post has no card."""
    shown = page.partition(f'id="post-{post_id}"')[2].partition("</article>")[0]
    found = re.search(r'<(blockquote|p) class="quoted.*?</\1>', shown, re.DOTALL)
    return found[0] if found else None


def count_of(page: str) -> int:
    found = re.search(r"(\d+) quotes?</a>", page)
    return int(found[1]) if found else 0


def test_quote_shows_the_post_wherever_it_is_listed(as_, db):
    ana, ben, eva = as_("ana"), as_("ben"), as_("eva")
    a_follow(eva.user, ben.user)
    post = a_post(ana.user, "Original words", language="es")
    assert f'href="/post/{post.id}/quote"' in ben.get("/explore").text
    number = quote(ben, post)
    row = db.session.get_one(Post, number)
    assert (row.body, row.quote_of_id, row.reply_to_id) == ("Look at this", post.id, None)
    for path in ("/", "/explore", "/user/ben", f"/post/{number}", "/search?q=look", f"/post/{post.id}/quotes"):
        for _ in range(2):  # rendered, and from the cache
            card = card_on(eva.get(path).text, number)
            assert 'lang="es"' in card and "Original words" in card and f'href="/post/{post.id}"' in card, path
            assert "@ana" in card and "<time" in card, path
    for what in ("like", "bookmark"):
        eva.post_form(f"/post/{number}/{what}")
        assert "Original words" in card_on(eva.get(f"/{what}s").text, number)
    assert posts_on(eva.get("/search?q=original").text) == [post.id]


def test_quotes_in_a_thread_show_their_posts(as_, db):
    ana = as_("ana")
    post = a_post(ana.user, "Original words")
    number = quote(ana, post)
    ana.post_form(f"/post/{number}/reply", {"post": "Below"})
    for path in (f"/post/{number}", f"/post/{number + 1}"):
        assert "Original words" in card_on(ana.get(path).text, number)


def test_card_shows_no_further_quote_and_respects_the_warning(as_):
    ana = as_("ana")
    first = a_post(ana.user, "Innermost words")
    second = a_post(ana.user, "Middle words", quote_of_id=first.id, warning="Spoilers")
    third = quote(ana, second)
    card = card_on(ana.get("/").text, third)
    assert "Middle words" in card.partition("<summary>")[2] and "Spoilers" in card
    assert "Innermost" not in card
    assert "Middle words" in ana.get(f"/post/{second.id}/quote").text


def test_deleted_post_leaves_a_placeholder(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    post_id, number = post.id, quote(ben, post)
    assert ana.post_form(f"/post/{post_id}/delete").status_code == 303
    for path in ("/explore", f"/post/{number}"):
        assert GONE in card_on(ben.get(path).text, number)
    assert ben.get(f"/post/{post_id}/quotes").status_code == ben.get(f"/post/{post_id}/quote").status_code == 404
    assert db.session.get_one(Post, number).quote_of_id == post_id
    assert db.session.scalars(select(PostCount.post_id)).all() == []


@pytest.mark.parametrize(("who", "what"), [("eva", "/block/ana"), ("ana", "/block/eva"), ("eva", "/mute/ana")])
def test_hidden_post_looks_like_a_deleted_one(as_, who, what):
    people = {name: as_(name) for name in ("ana", "ben", "eva")}
    post, gone = a_post(people["ana"].user, "Secret words"), a_post(people["ben"].user)
    number, other = quote(people["ben"], post), quote(people["ben"], gone)
    people["ben"].post_form(f"/post/{gone.id}/delete")
    assert "Secret" in card_on(people["eva"].get("/explore").text, number)
    people[who].post_form(what)
    for path in ("/explore", "/user/ben", "/search?q=look"):
        page = people["eva"].get(path).text
        assert card_on(page, number) == card_on(page, other) and "Secret" not in page, path
    assert "Secret" in card_on(people["ben"].get("/explore").text, number)


def test_cached_card_changes_with_its_sources(as_, db, time_machine):
    ana, ben, eva = as_("ana"), as_("ben"), as_("eva")
    post = a_post(ana.user, "First words")
    number = quote(ben, post)
    seen = {card_on(eva.get("/explore").text, number)}
    for values in ({"body": "Other"}, {"warning": "Careful"}, {"language": "fr"}):
        db.session.execute(update(Post).where(Post.id == post.id).values(**values))
        seen.add(card_on(eva.get("/explore").text, number))
    for values in ({"name": "Ana Lima"}, {"username": "anna"}, {"avatar": "0123456789ab"}):
        db.session.execute(update(User).where(User.id == ana.user.id).values(**values))
        seen.add(card_on(eva.get("/explore").text, number))
    a_follow(eva.user, ana.user)
    db.session.execute(update(Post).where(Post.id == post.id).values(visibility="followers"))
    seen.add(card_on(eva.get("/explore").text, number))
    db.session.execute(update(User).where(User.id == ana.user.id).values(active=False))
    seen.add(card_on(eva.get("/explore").text, number))
    assert len(seen) == 9


# --- Writing


@pytest.mark.parametrize("level", ["followers", "mentioned"])
def test_only_the_author_quotes_a_post_that_not_all_members_see(as_, db, level):
    ana, ben = as_("ana"), as_("ben")
    a_follow(ben.user, ana.user)
    form = {"post": "Hello @ben", "visibility": level}
    assert ana.post_form("/post", form).status_code == 303
    post = db.session.scalars(select(Post)).one()
    path = f"/post/{post.id}/quote"
    assert f'href="{path}"' in ana.get("/").text and f'href="{path}"' not in ben.get("/").text
    assert ben.get(path).status_code == ben.post_form(path, {"post": "Look"}).status_code == 403
    said = ben.post_form(path, {"post": "Look"}, headers={"Accept": "application/json"})
    assert said.status_code == 422 and "all members" in said.get_json()["error"]
    number = quote(ana, post, "For you, @ben")
    assert db.session.get_one(Post, number).visibility == level, "as narrow as the quoted post"
    eva = as_("eva")
    number = quote(ana, post, "For all", visibility="members")
    assert "Hello" in card_on(ben.get("/explore").text, number)
    assert GONE in card_on(eva.get("/explore").text, number)


def test_quote_has_the_options_of_the_composer(as_, db):
    ana = as_("ana")
    form = {"visibility": "followers", "warning": "Long", "language": "es"}
    row = db.session.get_one(Post, quote(ana, a_post(ana.user), "Words", **form))
    assert (row.visibility, row.warning, row.language) == ("followers", "Long", "es")


def test_script_hears_where_the_quote_is_or_what_is_wrong(as_, db):
    ana = as_("ana")
    path, as_json = f"/post/{a_post(ana.user).id}/quote", {"Accept": "application/json"}
    said = ana.post_form(path, {"post": "Look"}, headers=as_json)
    number = db.session.scalar(select(func.max(Post.id)))
    assert (said.status_code, said.get_json()) == (201, {"url": f"/post/{number}"})
    said = ana.post_form(path, {"post": " "}, headers=as_json)
    assert said.status_code == 422 and said.get_json()["error"]


def test_refused_quote_is_shown_again_and_is_no_draft(as_, db):
    ana = as_("ana")
    post = a_post(ana.user, "Original words")
    said = ana.post_form(f"/post/{post.id}/quote", {"post": "a" * 501, "warning": "Long", "form_key": "key"})
    assert said.status_code == 422
    assert "a" * 501 in said.text and "Original words" in said.text and 'value="Long"' in said.text
    assert db.session.scalars(select(PostDraft)).all() == []
    form = {"post": "A draft", "form_key": "draft-key"}
    assert ana.post_form("/post/draft", form).status_code == 200
    quote(ana, post, "A draft")
    assert ana.get("/post/draft").get_json()["text"] == "A draft"


def test_form_sent_twice_makes_one_quote_of_each_post(as_, db):
    ana, ben = as_("ana"), as_("ben")
    form = {"post": "Once", "form_key": "the-key"}
    for post in (a_post(ana.user), a_post(ana.user)):
        for path in ("quote", "quote", "reply"):
            assert ben.post_form(f"/post/{post.id}/{path}", form).status_code == 303
    made = db.session.execute(select(Post.quote_of_id, Post.reply_to_id).where(Post.author_id == ben.user.id)).all()
    assert len(made) == len(set(made)) == 4
    assert set(db.session.scalars(select(PostCount.quotes))) == {1}
    assert db.session.scalar(select(func.count(Activity.id)).where(Activity.kind == "quote")) == 2


def test_quoting_needs_a_login_a_token_and_a_post(as_, client, db):
    ana, ben = as_("ana"), as_("ben")
    path = f"/post/{a_post(ana.user).id}/quote"
    assert client.post_form(path, {"post": "x"}).status_code == client.get(path).status_code == 302
    assert ana.post(path, data={"post": "x"}).status_code == 400
    assert ana.get("/post/4711/quote").status_code == ana.post_form("/post/4711/quote").status_code == 404
    ana.post_form("/block/ben")
    assert ben.get(path).status_code == ben.post_form(path, {"post": "x"}).status_code == 404
    assert db.session.scalar(select(func.count(Post.id))) == 1


def test_the_action_checks_for_a_block_by_itself(db):
    ana, ben = a_user("ana"), a_user("ben")
    post_id = a_post(ana).id
    block(ana, ben)
    db.session.commit()
    with pytest.raises(ActionError):
        publish(ben, "Hello?", PostOptions(quote_of_id=post_id))


# --- Telling the author


def test_the_author_is_told_once_even_if_mentioned(as_, db):
    ana, ben, eva = as_("ana"), as_("ben"), a_user("eva")
    number = quote(ben, a_post(ana.user), "Look, @ana and @eva")
    told = {(row.user_id, row.kind, row.subject) for row in db.session.scalars(select(Activity))}
    assert told == {(ana.user.id, "quote", str(number)), (eva.id, "mention", str(number))}
    page = ana.get("/activity").text
    assert "quoted your post" in page and f'href="/post/{number}"' in page


def test_nobody_is_told_of_their_own_quote_or_of_one_they_cannot_see(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    quote(ana, post)
    quote(ben, post, visibility="followers")
    a_user("eva")
    quote(ben, post, "Look, @eva", visibility="mentioned")
    assert set(db.session.scalars(select(Activity.kind))) == {"mention"}
    a_follow(ana.user, ben.user)
    quote(ben, post, "Again", visibility="followers")
    assert db.session.scalars(select(Activity.user_id).where(Activity.kind == "quote")).all() == [ana.user.id]


def test_deleted_quote_takes_its_event_along(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    number = quote(ben, post)
    assert count_of(ana.get(f"/post/{post.id}").text) == 1
    ben.post_form(f"/post/{number}/delete")
    assert db.session.scalars(select(Activity)).all() == []
    assert count_of(ana.get(f"/post/{post.id}").text) == 0


# --- Editing


def test_undone_quote_is_written_again_about_the_same_post(as_, db):
    ana = as_("ana")
    post = a_post(ana.user, "Original words")
    said = ana.post_form(f"/post/{quote(ana, post, 'Mine', language='fr')}/undo")
    path = said.headers["Location"]
    assert path.startswith(f"/post/{post.id}/quote?draft=")
    assert db.session.scalars(select(PostCount.quotes)).all() == [0]
    page = ana.get(path).text
    assert "Mine" in page and "Original words" in page and '<option selected value="fr"' in page
    assert ana.submit(path, {"language": "fr"}, action=f"/post/{post.id}/quote").status_code == 303
    assert db.session.scalars(select(Post.body).where(Post.quote_of_id == post.id)).all() == ["Mine"]
    assert ana.get("/post/draft").get_json()["text"] == ""


@pytest.mark.parametrize(("level", "before", "after"), [("members", 1, 1), ("followers", 0, 1), ("mentioned", 0, 1)])
def test_mention_that_is_added_later_tells_of_the_quote_once(as_, db, level, before, after):
    ana, ben = as_("ana"), as_("ben")
    a_user("eva")
    number = quote(ben, a_post(ana.user), "Look, @eva", visibility=level)
    told = select(Activity.kind).where(Activity.user_id == ana.user.id, Activity.filtered_by == "")
    assert db.session.scalars(told).all() == ["quote"] * before
    for revision, (body, count) in enumerate((("@eva and @ana", after), ("Only @eva", before))):
        form = {"post": body, "revision": revision}
        assert ben.post_form(f"/post/{number}/edit", form).status_code == 303
        assert db.session.scalars(told).all() == ["quote"] * count, body


def test_card_of_a_post_with_images_only_leads_to_them(as_):
    ana = as_("ana")
    post = a_post(ana.user, "", has_images=True)
    number = quote(ana, post)
    before, _, after = card_on(ana.get("/").text, number).partition("Show images")
    assert f'href="/post/{post.id}"' in before and after


# --- Lists and counters


def test_list_of_quotes_is_paged_and_fits_the_count(as_, db, configure):
    configure(POSTS_PER_PAGE=3)
    ana = as_("ana")
    post, other = a_post(ana.user), a_post(ana.user)
    ids = [quote(ana, post if number % 3 else other, f"Number {number}") for number in range(12)]
    expected = [one for at, one in enumerate(ids) if at % 3]
    assert everything(ana, f"/post/{post.id}/quotes") == expected[::-1]
    assert count_of(ana.get(f"/post/{post.id}").text) == 8
    assert "No quotes yet" in ana.get(f"/post/{ids[0]}/quotes").text
    assert count_of(ana.get("/").text) == 0, "only on its own page"


def test_pages_with_quotes_take_one_more_statement(as_, db, queries):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    for number in range(12):
        a_post(ana.user, quote_of_id=[post.id, post.id + number][number % 2])
    for browser in (ana, ben):
        browser.get("/messages")
    pages = {"/": 4, "/explore": 3, "/user/ana": 4, "/search?q=hello": 5, f"/post/{post.id + 2}": 3}
    for path, statements in pages.items():
        with queries() as asked:
            assert (ana if path == "/" else ben).get(path).status_code == 200
        assert len(asked) == statements, (path, asked)


def test_quotes_of_closed_accounts_are_not_counted(app, as_, db, run_jobs, recount):  # noqa: F811
    ana, gone = as_("ana"), as_("gone")
    post = a_post(ana.user)
    quote(gone, post)
    for command, expected in (("suspend", 0), ("reinstate", 1)):
        result = in_new_context(app.test_cli_runner().invoke, args=["users", command, "gone"])
        assert result.exit_code == 0, result.output
        run_jobs()
        assert count_of(ana.get(f"/post/{post.id}").text) == expected
        assert len(posts_on(ana.get(f"/post/{post.id}/quotes").text)) == expected
        assert recount() == {"checked": 4, "drift": 0}
    a_post(a_user(active=False), quote_of_id=post.id)
    db.session.execute(delete(User).where(User.id == gone.user.id))  # cascades
    db.session.commit()
    assert db.session.scalar(select(PostCount.quotes)) == 0
    assert recount()["drift"] == 0


def test_counters_that_drifted_are_put_right(as_, db, recount):  # noqa: F811
    ana = as_("ana")
    post = a_post(ana.user)
    quote(ana, post)
    db.session.execute(update(PostCount).values(quotes=7))
    db.session.execute(update(Post).where(Post.quote_of_id == post.id).values(counted=False))
    db.session.commit()
    assert recount() == {"checked": 4, "drift": 2}
    assert db.session.scalar(select(PostCount.quotes)) == 1


# --- The schema


def test_list_and_count_are_read_from_their_indexes(db):
    if db.engine.dialect.name != "sqlite":
        pytest.skip("the planner of PostgreSQL reads a small table as a whole")
    values = {"viewer_id": 1, "post_id": 1, "before": 9, "with_next": 3}
    for query, indexes in (
        (quotes.of_post(), {"ix_post_quote_of_id_id"}),
        (quotes.post_with_count(), {"ix_post_quote_of_id_author_id", "ix_post_quote_of_id_restricted"}),
    ):
        sql = query.params(**values).compile(db.engine, compile_kwargs={"literal_binds": True})
        plan = str(db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all())
        assert {index for index in indexes if index in plan} == indexes, plan
        assert "ORDER BY" not in plan, plan


@pytest.mark.slow
def test_downgrade_keeps_quotes_as_posts(database, tmp_path):
    settings = Settings(microblog_env="test", data_dir=tmp_path, secret_key="x" * 40, database_url=database.copy())
    app = create_app(settings)
    migrate.init_app(app)
    with app.app_context():
        ana = a_user("ana")
        post = a_post(ana)
        publish(ana, "Look", PostOptions(quote_of_id=post.id))
        the_db.session.commit()
        the_db.session.remove()
        flask_migrate.downgrade(revision=PREVIOUS)
        previous = text(
            "INSERT INTO post (author_id, body, language, created_at, search_text) VALUES (1,'x','',:now,'')"
        )
        the_db.session.execute(previous, {"now": now()})
        the_db.session.commit()
        the_db.session.remove()
        flask_migrate.upgrade()
        assert the_db.session.scalars(select(Post.quote_of_id)).all() == [None] * 3
        the_db.session.remove()
        the_db.engine.dispose()
