"""Writing, deleting, and saying which language a post is in."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from app.core.exceptions import ActionError
from app.models import Post
from app.posts.actions import PostOptions, publish
from tests.factories import a_post, a_user


def bodies(db) -> list[str]:
    return list(db.session.scalars(select(Post.body).order_by(Post.id)))


def test_a_post_is_published(as_, db):
    browser = as_("ana")
    answer = browser.submit("/", {"post": "  Hello <b>world</b> \r\n", "language": "es"}, action="/post")
    assert answer.status_code == 303
    post = db.session.scalars(select(Post)).one()
    assert (post.body, post.language, post.author_id) == ("Hello <b>world</b>", "es", browser.user.id)
    page = browser.follow(answer).text
    assert "Hello &lt;b&gt;world&lt;/b&gt;" in page
    assert 'lang="es"' in page


def test_double_click_creates_one_post(as_, db):
    browser = as_("ana")
    form = {"post": "Once", "language": "en", "form_key": "the-key-of-this-form"}
    for _ in range(3):
        assert browser.post_form("/post", form).status_code == 303
    assert bodies(db) == ["Once"]
    # The browser's Back shows the old form with its old key; what is written in it then is news.
    browser.post_form("/post", {**form, "post": "Twice"})
    as_("ben").post_form("/post", form)
    assert bodies(db) == ["Once", "Twice", "Once"]


@pytest.mark.parametrize("body", ["", "   ", "\n\t", "\u200b\u200d", "a" * 501, "👩‍👩‍👧‍👦" * 501, "e\u0301" * 6000])
def test_invalid_post_is_rejected_and_its_text_is_kept(as_, db, body):
    answer = as_("ana").post_form("/post", {"post": body, "language": "en"})
    assert answer.status_code == 422
    assert bodies(db) == []
    assert body.strip()[:500] in answer.text
    assert "alert" in answer.text


def test_length_limit_counts_grapheme_clusters(as_, db, configure):
    configure(POST_MAX_LENGTH=10)
    browser = as_("ana")
    assert browser.post_form("/post", {"post": "👩‍👩‍👧‍👦" * 10}).status_code == 303
    assert browser.post_form("/post", {"post": "👩‍👩‍👧‍👦" * 11}).status_code == 422
    assert len(bodies(db)) == 1


def test_unknown_language_is_rejected(as_, db):
    assert as_("ana").post_form("/post", {"post": "x", "language": "tlh-Klingon"}).status_code == 422
    assert bodies(db) == []


def test_publish_action_validates_its_input(db):
    ana = a_user("ana")
    wrong = [{"language": "nope"}, {"visibility": "public"}, {"visibility": "nope"}, {"warning": "x" * 121}]
    for body, options in [("", {}), ("x" * 501, {}), ("\ud800", {}), *(("x", one) for one in wrong)]:
        with pytest.raises(ActionError):
            publish(ana, body, PostOptions(**options))


def test_own_post_can_be_deleted(as_, db):
    browser = as_("ana")
    path = f"/post/{a_post(browser.user).id}/delete"
    answer = browser.post_form(path, {"next": "/explore"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/explore")
    assert bodies(db) == []
    assert browser.post_form(path).status_code == 303  # a double click


def test_member_cannot_delete_or_change_posts_of_others(as_, db):
    post = a_post(a_user("ana"), language="en")
    ben = as_("ben")
    assert ben.post_form(f"/post/{post.id}/delete").status_code == 403
    assert ben.post_form(f"/post/{post.id}/language", {"language": "es"}).status_code == 403
    assert db.session.scalar(select(Post.language)) == "en"
    assert f"/post/{post.id}/delete" not in ben.get("/explore").text


def test_posting_requires_login_and_csrf_token(as_, client, db):
    assert client.post_form("/post", {"post": "x"}).status_code == 302
    assert as_("ana").post("/post", data={"post": "x"}).status_code == 400
    assert bodies(db) == []


def test_next_after_deleting_stays_on_the_site(as_):
    browser = as_("ana")
    post = a_post(browser.user)
    answer = browser.post_form(f"/post/{post.id}/delete", {"next": "//evil.example"})
    assert answer.headers["Location"] == "/"


def test_author_can_change_the_language_of_a_post(as_, db):
    browser = as_("ana")
    post = a_post(browser.user, "Hola", language="en")
    answer = browser.submit(f"/post/{post.id}", {"language": "es"}, action=f"/post/{post.id}/language")
    assert answer.status_code == 303
    assert db.session.scalar(select(Post.language)) == "es"
    assert browser.post_form(f"/post/{post.id}/language", {"language": "zz"}).status_code == 422
    assert browser.post_form(f"/post/{post.id}/language", {"language": ""}).status_code == 303
    assert db.session.scalar(select(Post.language)) == ""


def test_most_likely_languages_are_offered_first(as_, db):
    ana = a_user("ana", language="en")
    for language in ("fr", "pt", "fr", ""):
        a_post(ana, language=language)
    page = as_(ana).get("/?languages=all").text
    options = page.partition('name="language"')[2].partition("</select>")[0]
    places = [options.index(f'value="{code}"') for code in ("en", "fr", "pt", "ab")]
    assert places == sorted(places)
    assert 'selected value="fr"' in options
    assert 'value="zh_Hant"' in options


def test_first_post_defaults_to_the_page_language(as_):
    page = as_(a_user("ana", language="en")).get("/").text
    assert 'selected value="en"' in page.partition('name="language"')[2].partition("</select>")[0]


def test_posting_is_rate_limited(as_, db, rate_limits):
    browser = as_("ana")
    codes = {browser.post_form("/post", {"post": f"number {n}"}).status_code for n in range(30)}
    assert codes == {303}
    answer = browser.post_form("/post", {"post": "one too many"})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert db.session.scalar(select(func.count(Post.id))) == 30
