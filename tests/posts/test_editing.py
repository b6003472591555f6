"""Editing posts: earlier versions are kept, and whatever depends on the text follows it."""

from __future__ import annotations

import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from threading import Barrier

import pytest
from sqlalchemy import func, select, update

from app.core.exports import exports
from app.core.time import now
from app.extensions import db as the_db
from app.jobs import enqueue
from app.models import (
    Activity,
    Job,
    Post,
    PostDraft,
    PostRecipient,
    PostRevision,
    Report,
    ReportedMessage,
)
from app.queries.people import by_usernames
from tests.factories import a_follow, a_user
from tests.posts.test_drafts import composer_content, write
from tests.posts.test_fragments import article
from tests.posts.test_levels import newest, post_as
from tests.posts.test_likes import act
from tests.posts.test_timelines import posts_on
from tests.support.forms import fill
from tests.support.pictures import picture, post_pictures

AT_ONCE = 6


def change(browser, post_id, body, **fields):
    """Load the form that edits a post, and send it; the answer."""
    path = f"/post/{post_id}/edit"
    return browser.submit(path, {"post": body, **fields}, action=path)


def edited(browser, post, body, **fields) -> Post:
    answer = change(browser, post.id, body, **fields)
    assert answer.status_code == 303, answer.text
    the_db.session.expire_all()
    return the_db.session.get_one(Post, post.id)


def versions(post_id) -> list[str]:
    """The earlier texts of a post, oldest first."""
    query = select(PostRevision.body).where(PostRevision.post_id == post_id).order_by(PostRevision.number)
    return list(the_db.session.scalars(query))


def texts(page) -> list[str]:
    """The versions on a page, each with [+added] and [-removed] words."""
    found = re.findall(r'<div class="text"[^>]*>(.*?)</div>', page.partition('class="versions"')[2], re.DOTALL)
    marked = [re.sub(r"<ins>(.*?)</ins>", r"[+\1]", text, flags=re.DOTALL) for text in found]
    return [unescape(re.sub(r"<del>(.*?)</del>", r"[-\1]", text, flags=re.DOTALL)) for text in marked]


def told(kind) -> list[tuple[int, bool]]:
    """Who has an event of a kind, and whether it is unread and shown."""
    rows = the_db.session.scalars(select(Activity).where(Activity.kind == kind).order_by(Activity.user_id))
    return [(row.user_id, row.read_at is None and row.filtered_by == "") for row in rows]


# --- The text and its versions


def test_the_form_holds_the_post_and_changes_it(as_):
    ana = as_("ana")
    post = post_as(ana, "One tow three", language="es", warning="Numbers")
    fields = fill(ana.get(f"/post/{post.id}/edit").text, {}, "", f"/post/{post.id}/edit")[1]
    assert {name: fields[name].strip() for name in ("post", "language", "warning", "revision")} == {
        "post": "One tow three",
        "language": "es",
        "warning": "Numbers",
        "revision": "0",
    }
    assert "visibility" not in fields
    answer = change(ana, post.id, " One two three ", warning="", visibility="followers", reply_to_id="1")
    assert answer.headers["Location"] == f"/post/{post.id}#post-{post.id}"
    the_db.session.expire_all()
    post = newest()
    assert (post.body, post.warning, post.language) == ("One two three", "", "es")
    assert (post.visibility, post.reply_to_id, post.revision) == ("members", None, 1)
    assert post.edited_at >= post.created_at
    earlier = the_db.session.scalars(select(PostRevision)).one()
    assert (earlier.number, earlier.body, earlier.warning, earlier.language) == (0, "One tow three", "Numbers", "es")
    assert earlier.created_at == post.created_at


def test_versions_are_listed_with_their_differences(as_, configure):
    configure(POSTS_PER_PAGE=2)
    ana, ben = as_("ana"), as_("ben")
    post = post_as(ana, "One tow three")
    link = f'href="/post/{post.id}/history"'
    assert link not in ben.get("/explore").text
    for body in ("One two three", "One two <three> 一二", "One two 一三"):
        edited(ana, post, body)
    for page in (ben.get("/explore"), ana.get("/"), ben.get(f"/post/{post.id}")):
        assert link in page.text
    page = ben.get(f"/post/{post.id}/history").text
    assert texts(page) == ["One two [-<three> ]一[-二][+三]", "One two [+<]three[+> 一二]"]
    older = re.search(r'rel="next" href="([^"]+)"', page)[1]
    page = ben.get(older).text
    assert texts(page) == ["One [-tow][+two] three", "One tow three"]
    assert 'rel="next"' not in page
    assert "First version" in page


def test_versions_that_differ_too_much_replace_each_other(as_):
    ana = as_("ana")
    post = post_as(ana, "!+" * 250)
    edited(ana, post, "!-" * 250)
    assert texts(ana.get(f"/post/{post.id}/history").text) == [f"[-{'!+' * 250}][+{'!-' * 250}]", "!+" * 250]


@pytest.mark.one_database  # the limits are in Redis
def test_pages_of_versions_are_rate_limited(as_, rate_limits):
    ana, ben = as_("ana"), as_("ben")
    post = post_as(ana, "One")
    statuses = [ben.get(f"/post/{post.id}/history").status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]
    assert ana.get(f"/post/{post.id}/history").status_code == 200


def test_a_warning_hides_the_versions_that_it_was_not_in(as_):
    ana = as_("ana")
    post = post_as(ana, "The butler did it")
    edited(ana, post, "The butler did it!", warning="The ending")
    page = as_("ben").get(f"/post/{post.id}/history").text
    assert page.count('<details class="warned">') == 2
    assert page.count("no content warning") == 1
    assert len(texts(page)) == 2
    edited(ana, post, "Who did it?", warning="")
    edited(ana, post, "Who?", warning="")
    page = as_("cleo").get(f"/post/{post.id}/history").text
    assert page.count('<details class="warned">') == 2, "the version with the warning, and the one that quotes it"


def test_what_is_sent_twice_is_one_version(as_):
    ana = as_("ana")
    post = post_as(ana, "One")
    form = {"post": "Two", "revision": "0", "language": ""}
    for _ in range(2):
        assert ana.post_form(f"/post/{post.id}/edit", form).status_code == 303
    assert versions(post.id) == ["One"]
    assert edited(ana, post, "Two ", language="es").language == "es"
    assert versions(post.id) == ["One"], "the language is no version"


def test_an_edit_does_not_overwrite_another_one_unseen(as_):
    ana = as_("ana")
    post = post_as(ana, "One")
    ana.post_form(f"/post/{post.id}/edit", {"post": "From the phone", "revision": "0"})
    answer = ana.post_form(f"/post/{post.id}/edit", {"post": "From the desk", "revision": "0", "warning": "Desk"})
    assert answer.status_code == 409
    assert "From the phone" in answer.text
    fields = fill(answer.text, {}, "", f"/post/{post.id}/edit")[1]
    assert (fields["post"].strip(), fields["warning"], fields["revision"]) == ("From the desk", "Desk", "1")
    assert ana.post_form(f"/post/{post.id}/edit", fields).status_code == 303
    assert versions(post.id) == ["One", "From the phone"]


@pytest.mark.parametrize(
    "fields",
    [{"post": " "}, {"post": "x" * 501}, {"language": "tlh"}, {"warning": "x" * 121}, {"revision": "x"}],
)
def test_what_cannot_be_a_post_is_refused_and_kept(as_, fields):
    ana = as_("ana")
    post = post_as(ana, "One")
    form = {"post": "Two", "revision": "0", **fields}
    answer = ana.post_form(f"/post/{post.id}/edit", form)
    assert answer.status_code in {409, 422}
    assert versions(post.id) == []
    assert form["post"] in answer.text


def test_only_the_author_edits_and_only_those_who_see_it_read_the_versions(as_, client):
    ana, ben = as_("ana"), as_("ben")
    post = post_as(ana, "One")
    hidden = post_as(ana, "For followers", visibility="followers")
    for path in ("edit", "history"):
        assert client.get(f"/post/{post.id}/{path}").status_code == 302
        assert ana.get(f"/post/4711/{path}").status_code == 404
        assert ben.get(f"/post/{hidden.id}/{path}").status_code == 404
    for path in ("edit", "redraft", "undo"):
        assert ben.post_form(f"/post/{post.id}/{path}", {"post": "Mine", "revision": "0"}).status_code == 403
        assert ana.post(f"/post/{post.id}/{path}").status_code == 400
    assert ben.get(f"/post/{post.id}/edit").status_code == 403
    assert ben.post_form(f"/post/{hidden.id}/edit", {"post": "Mine", "revision": "0"}).status_code == 404
    assert newest().body == "For followers"


# --- What follows the text


def test_search_and_tags_follow_the_text(as_):
    ana, ben = as_("ana"), as_("ben")
    post = post_as(ana, "Alder #oldtag")
    edited(ana, post, "Birch #newtag", warning="Cedar")
    for words, found in {
        "alder": [],
        "birch": [post.id],
        "cedar": [post.id],
        "#oldtag": [],
        "#newtag": [post.id],
    }.items():
        assert posts_on(ben.get("/search", query_string={"q": words}).text) == found, words
    assert "newtag" not in ben.get("/suggestions?in=tags&q=new").text, "it has a warning"
    edited(ana, post, "Birch #newtag", warning="")
    assert "newtag" in ben.get("/suggestions?in=tags&q=new").text
    assert "oldtag" not in ben.get("/suggestions?in=tags&q=old").text
    assert [posts_on(ben.get(f"/tag/{name}").text) for name in ("oldtag", "newtag")] == [[], [post.id]]


def test_people_who_are_newly_mentioned_are_told_once(as_):
    ana, ben, cleo = as_("ana"), as_("ben"), as_("cleo")
    post = post_as(ana, "Hello @ben and @ana")
    edited(ana, post, "Hello @BEN, @cleo and @cleo")
    assert told("mention") == [(ben.user.id, True), (cleo.user.id, True)]
    edited(ana, post, "Hello @ben")
    assert told("mention") == [(ben.user.id, True)]
    assert cleo.get("/notifications?since=0").get_json()[0]["data"] == 0
    ben.post_form("/activity/read", {"first": "0", "last": "99999999999:999999"})
    the_db.session.execute(update(Activity).values(read_at=now()))
    the_db.session.commit()
    for body in ("Hello", "Hello again, @ben"):
        edited(ana, post, body)
    assert told("mention") == [(ben.user.id, False)], "what was read is not told again"
    assert "Hello again" in ben.get("/activity").text


def test_an_event_that_was_emailed_comes_back_without_another_email(as_, run_jobs, mails):
    ana, ben = as_("ana"), as_("ben")
    post = post_as(ana, "Hello @ben")
    run_jobs(advance=2 * 86400)
    assert len(mails.to("ben@example.org")) == 1
    edited(ana, post, "Hello")
    assert told("mention") == [(ben.user.id, False)]
    edited(ana, post, "Hello, @ben")
    assert told("mention") == [(ben.user.id, True)]
    run_jobs(advance=2 * 86400)
    assert len(mails.to("ben@example.org")) == 1


@pytest.mark.parametrize("level", ["followers", "mentioned"])
def test_access_follows_the_mentions(as_, level):
    ana, ben, cleo = as_("ana"), as_("ben"), as_("cleo")
    post = post_as(ana, "For @ben", visibility=level)
    edited(ana, post, "For @cleo")
    assert [one.get(f"/post/{post.id}").status_code for one in (ana, ben, cleo)] == [200, 404, 200]
    assert ben.get(f"/post/{post.id}/history").status_code == 404
    assert told("mention") == [(cleo.user.id, True)]
    assert post.id in posts_on(ana.get("/").text)
    recipients = set(the_db.session.scalars(select(PostRecipient.user_id)))
    assert recipients == {cleo.user.id} | ({ana.user.id} if level == "mentioned" else set())


def test_a_post_for_mentioned_people_keeps_one(as_):
    ana = as_("ana")
    a_user("ben")
    post = post_as(ana, "For @ben", visibility="mentioned")
    answer = change(ana, post.id, "For nobody")
    assert answer.status_code == 422
    assert "Mention at least one person" in answer.text
    names = [a_user(f"reader{number}").username for number in range(26)]
    assert change(ana, post.id, " ".join(f"@{name}" for name in names)).status_code == 422
    assert newest().body == "For @ben"


def test_a_suspended_person_who_is_no_longer_mentioned_cannot_see_the_post_later(as_):
    ana, ben = as_("ana"), as_("ben")
    a_user("cleo")
    post = post_as(ana, "For @ben and @cleo", visibility="mentioned")
    ben.user.active = False
    the_db.session.commit()
    edited(ana, post, "For @cleo")
    as_(ben.user).user.active = True
    the_db.session.commit()
    assert as_(ben.user).get(f"/post/{post.id}").status_code == 404


@pytest.mark.parametrize("level", ["members", "followers", "mentioned"])
def test_the_author_of_the_parent_has_one_event(as_, level):
    """Of a reply for mentioned people, they are told if it mentions them; of other replies, in any case."""
    ana, ben = as_("ana"), as_("ben")
    a_user("cleo")
    parent = post_as(ben, "Hello")
    ana.post_form(f"/post/{parent.id}/reply", {"post": "@ben @cleo hi", "visibility": level})
    reply = newest()
    always = [] if level == "mentioned" else [(ben.user.id, True)]
    for body, expected in (("@cleo hi", always), ("@cleo @ben hi", [(ben.user.id, True)])):
        edited(ana, reply, body)
        assert told("reply") == expected
        assert [user_id for user_id, _unread in told("mention")] == [ben.user.id + 1]
        assert ben.get(f"/post/{reply.id}").status_code == (200 if expected else 404)


def test_cached_posts_and_notifications_show_the_new_text(as_):
    ana, ben = as_("ana"), as_("ben")
    a_follow(ben.user, ana.user)
    post = post_as(ana, "One @ben")
    first = article(ben)
    assert "One" in first and "edited" not in first
    edited(ana, post, "Two @ben")
    assert "Two" in article(ben)
    assert "Two" in ben.get("/activity").text
    edited(ana, post, "One @ben")
    assert "edited" in article(ben)


def test_the_export_holds_all_versions(app, as_, run_jobs):
    ana = as_("ana")
    post = post_as(ana, "One", language="es")
    edited(ana, post, "Two", warning="Odd")
    post_as(ana, "Never edited")
    ana.post_form("/export_posts")
    run_jobs()
    with app.app_context():
        files = [one for one in exports().root.glob("*/*") if one.is_file()]
        path = max(files, key=lambda one: one.stat().st_mtime_ns)  # other tests may have left theirs
    first, second = json.loads(path.read_text())["posts"]
    path.unlink()
    row = the_db.session.get(Post, post.id)
    assert first["body"] == "Two"
    assert first["edited_at"] == row.edited_at.isoformat()
    version = {"body": "One", "language": "es", "warning": "", "created_at": row.created_at.isoformat()}
    assert first["revisions"] == [version]
    assert "revisions" not in second and "edited_at" not in second


# --- Telling who liked it


def test_people_who_reposted_the_post_are_told_once_even_if_they_like_it_too(as_, run_jobs):
    ana, ben, cleo = as_("ana"), as_("ben"), as_("cleo")
    post = post_as(ana, "One")
    for browser, action in ((ben, "like"), (ben, "repost"), (cleo, "repost")):
        act(browser, post, action)
    edited(ana, post, "Two")
    run_jobs()
    assert sorted(told("edit")) == [(ben.user.id, False), (cleo.user.id, False)]
    assert "edited a post you liked or reposted" in cleo.get("/activity").text


def test_people_who_liked_the_post_are_told_once_per_burst(as_, run_jobs, mails):
    ana, ben, cleo = as_("ana"), as_("ben"), as_("cleo")
    post = post_as(ana, "One")
    for browser in (ana, ben, cleo):
        act(browser, post, "like")
    act(cleo, post, "unlike")
    for body in ("Two", "Three"):
        edited(ana, post, body)
        run_jobs()
    assert told("edit") == [(ben.user.id, False)]
    page = ben.get("/activity").text
    assert page.count("edited a post you liked") == 1
    assert "Three" in page
    assert "edited a post" not in cleo.get("/activity").text
    enqueue("posts.tell_of_edit", post_id=post.id, revision=1)  # a second run
    the_db.session.commit()
    run_jobs()
    assert len(told("edit")) == 1
    the_db.session.execute(update(Post).values(edited_at=now() - timedelta(hours=2)))
    the_db.session.commit()
    edited(ana, post, "Four")
    run_jobs(advance=2 * 86400)
    assert len(told("edit")) == 2
    assert ben.get("/activity").text.count("edited a post you liked") == 1, "two on one day are one row"
    assert len(mails.to("ben@example.org")) == 0


def test_only_people_who_see_the_post_are_told_of_the_edit(as_, run_jobs, monkeypatch):
    monkeypatch.setattr("app.posts.jobs.NOTIFY_BATCH", 2)
    ana = as_("ana")
    post = post_as(ana, "One", visibility="followers")
    fans = [as_(name) for name in ("ben", "cleo", "dan", "eva", "fay", "gil")]
    for browser in fans:
        a_follow(browser.user, ana.user)
        act(browser, post, "like")
    fans[0].post_form("/unfollow/ana")
    fans[1].post_form("/mute/ana")
    fans[2].post_form("/block/ana")
    fans[3].user.active = False
    the_db.session.commit()
    edited(ana, post, "Two")
    run_jobs()
    assert [user_id for user_id, _unread in told("edit")] == [fans[4].user.id, fans[5].user.id]


def test_nobody_is_told_of_an_edit_of_a_deleted_post(as_, run_jobs):
    ana, ben = as_("ana"), as_("ben")
    post = post_as(ana, "One")
    act(ben, post, "like")
    edited(ana, post, "Two")
    assert ana.post_form(f"/post/{post.id}/delete").status_code == 303
    run_jobs()
    assert told("edit") == []
    assert the_db.session.scalar(select(func.count()).select_from(PostRevision)) == 0


# --- Moderation


def test_a_report_keeps_the_version_that_was_reported(as_, run_jobs):
    ana, ben, eva = as_("ana"), as_("ben"), as_("eva")
    post = post_as(ana, "An insult", warning="Rude", language="es", visibility="followers")
    a_follow(ben.user, ana.user)
    path = f"/report/post/{post.id}"
    fields = fill(ben.get(path).text, {"note": "Look"}, "", path)[1]
    edited(ana, post, "A compliment", warning="")
    assert ben.post_form(path, fields).status_code == 303
    copy = the_db.session.scalars(select(ReportedMessage)).one()
    assert (copy.body, copy.facts["warning"], copy.facts["language"]) == ("An insult", "Rude", "es")
    edited(ana, post, "Something else")
    the_db.session.refresh(copy)
    assert copy.body == "An insult"
    eva.user.role = "moderator"
    the_db.session.commit()
    report = the_db.session.scalars(select(Report.id)).one()
    history = f"/moderation/{report}/post"
    assert eva.get(history).status_code == 404, "the evidence was not opened yet"
    eva.post_form(f"/moderation/{report}/look")
    assert history in eva.get(f"/moderation/{report}").text
    assert eva.get(f"/post/{post.id}/history").status_code == 404, "it is for followers"
    assert len(texts(eva.get(history).text)) == 3
    assert ben.get(history).status_code == 404
    ana.post_form(f"/post/{post.id}/delete")
    assert eva.get(history).status_code == 404
    assert history not in eva.get(f"/moderation/{report}").text


# --- Delete and redraft, undo


@pytest.mark.parametrize("way", ["redraft", "undo"])
def test_a_post_goes_back_to_the_composer(as_, way):
    ana = as_("ana")
    a_user("ben")
    post_id = post_as(ana, "@ben half\nbaked", language="es", visibility="mentioned", warning="Food").id
    for _ in range(2):  # a double click
        answer = ana.post_form(f"/post/{post_id}/{way}")
        assert answer.headers["Location"] == "/#write"
    assert composer_content(ana)[::2] == ("@ben half\nbaked", "es")
    fields = fill(ana.get("/").text, {}, "", "/post")[1]
    assert (fields["visibility"], fields["warning"]) == ("mentioned", "Food")
    assert the_db.session.scalars(select(Post.id)).all() == []
    assert len(the_db.session.scalars(select(PostDraft)).all()) == 2  # this and the one that was sent
    assert ana.post_form("/post", fields).status_code == 303
    assert newest().body == "@ben half\nbaked"
    assert composer_content(ana)[0] == ""


@pytest.mark.parametrize("way", ["redraft", "undo"])
def test_a_reply_goes_back_to_the_form_below_its_post(as_, way):
    ana, ben = as_("ana"), as_("ben")
    parent = post_as(ben, "Hello")
    path = f"/post/{parent.id}/reply"
    ana.post_form(path, {"post": "Halo", "warning": "Odd", "visibility": "followers"})
    reply = newest()
    assert ana.post_form(f"/post/{reply.id}/{way}").headers["Location"] == f"/post/{parent.id}#reply"
    assert composer_content(ana)[0] == "", "it is no draft of a post"
    write(ana, "Something else")
    fields = fill(ana.get(f"/post/{parent.id}").text, {}, "", path)[1]
    assert (fields["post"].strip(), fields["warning"], fields["visibility"]) == ("Halo", "Odd", "followers")
    assert "Halo" not in ben.get(f"/post/{parent.id}").text
    assert ana.post_form(path, {**fields, "post": "Hello"}).status_code == 303
    assert fill(ana.get(f"/post/{parent.id}").text, {}, "", path)[1]["post"].strip() == ""
    assert newest().body == "Hello"
    ben.post_form(f"/post/{parent.id}/delete")
    assert ana.post_form(f"/post/{newest().id}/{way}").headers["Location"] == "/#write"
    assert composer_content(ana)[0] == "Hello"


@pytest.mark.usefixtures("own_folder")
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
def test_images_do_not_go_back_to_the_composer(as_):
    ana = as_("ana")
    post_pictures(ana, [picture()], post="Look")
    assert "keep the images" in unescape(ana.get("/").text)
    answer = ana.post_form(f"/post/{newest().id}/redraft")
    assert "add them again" in ana.follow(answer).text
    assert composer_content(ana)[0] == "Look"


def test_undo_is_offered_once_and_only_for_a_moment(as_, time_machine):
    moment = now()
    time_machine.move_to(moment, tick=False)
    ana, ben = as_("ana"), as_("ben")
    answer = ana.submit("/", {"post": "One"}, action="/post")
    one = newest()
    one_id = one.id
    page = ana.follow(answer).text
    assert page.count(f'action="/post/{one.id}/undo"') == 1
    assert "alert-success" in page
    assert "/undo" not in ana.get("/").text
    answer = ana.post_form(f"/post/{one.id}/reply", {"post": "Two"})
    assert f'action="/post/{newest().id}/undo"' in ana.follow(answer).text
    act(ben, one, "like")
    time_machine.move_to(moment + timedelta(seconds=31), tick=False)
    answer = ana.post_form(f"/post/{one.id}/undo")
    assert answer.headers["Location"] == f"/post/{one.id}"
    assert "too late to undo" in ana.follow(answer).text
    time_machine.move_to(moment + timedelta(seconds=29), tick=False)
    ana.post_form(f"/post/{one_id}/undo")
    assert one_id not in the_db.session.scalars(select(Post.id)).all()


# --- At once


@pytest.mark.slow
def test_edits_from_many_tabs_lose_no_version(as_):
    """Each edit is either a version of its own or a conflict; the next one starts from what its author saw."""
    ana = as_("ana")
    names = [a_user(f"friend{number}").username for number in range(AT_ONCE)]
    post = post_as(ana, "Start")
    browsers = [as_(ana.user) for _ in range(AT_ONCE)]
    gate = Barrier(AT_ONCE)

    def type_in(number):
        stored = []
        for round_ in range(4):
            fields = fill(browsers[number].get(f"/post/{post.id}/edit").text, {}, "", f"/post/{post.id}/edit")[1]
            fields["post"] = f"@{names[number]} {round_}"
            gate.wait()
            status = browsers[number].post_form(f"/post/{post.id}/edit", fields).status_code
            assert status in {303, 409}
            stored += [fields["post"]] if status == 303 else []
        return stored

    with ThreadPoolExecutor(AT_ONCE) as pool:
        stored = [text for found in pool.map(type_in, range(AT_ONCE)) for text in found]
    row = newest()
    assert row.revision == len(stored) == 4
    assert sorted([*versions(post.id), row.body]) == sorted(["Start", *stored])
    mentioned = re.findall(r"@(\w+)", row.body)
    events = select(Activity.user_id).where(Activity.kind == "mention", Activity.filtered_by == "")
    assert set(the_db.session.scalars(events)) == {person.id for person in by_usernames(mentioned)}


@pytest.mark.slow
def test_a_post_that_is_edited_reported_liked_and_deleted_at_once(as_, run_jobs):
    """A report holds exactly one of the versions. Whatever comes after the deletion is refused."""
    ana = as_("ana")
    a_user("zoe")
    posts = [post_as(ana, f"Version 0 of {number}").id for number in range(5)]
    editors = [as_(ana.user) for _ in range(2)]
    others = [as_(f"member{number}") for number in range(AT_ONCE - 3)]
    browsers = [ana, *editors, *others]
    gate = Barrier(AT_ONCE)

    def act_on(number):
        browser, dice = browsers[number], random.Random(number)
        for post_id in posts:
            gate.wait()
            for turn in range(3):
                if browser is ana:
                    answer = browser.post_form(f"/post/{post_id}/redraft") if turn == 2 else browser.get("/explore")
                elif number < 3:
                    text = f"Version {number}{turn} @zoe" if dice.random() < 0.5 else f"Version {number}{turn}"
                    answer = browser.post_form(f"/post/{post_id}/edit", {"post": text, "revision": str(turn)})
                elif turn:
                    answer = browser.post_form(f"/post/{post_id}/{'like' if turn == 1 else 'unlike'}")
                else:
                    answer = browser.post_form(f"/report/post/{post_id}", {"note": "", "revision": "0"})
                assert answer.status_code in {200, 303, 404, 409}, answer.text

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(act_on, range(AT_ONCE)))
    run_jobs()
    the_db.session.expire_all()
    for model in (Post, PostRevision, PostRecipient):
        assert the_db.session.scalar(select(func.count()).select_from(model)) == 0, model
    assert {row.body[:9] for row in the_db.session.scalars(select(ReportedMessage))} <= {"Version 0"}
    assert (
        the_db.session.scalar(select(func.count(PostDraft.form_key)).where(PostDraft.form_key.like("redraft-%"))) == 5
    )
    kinds = select(Activity.kind).where(Activity.kind.in_(["mention", "like", "edit"]))
    assert the_db.session.scalars(kinds).all() == []
    assert the_db.session.scalar(select(func.count(Job.id)).where(Job.state == "failed")) == 0
