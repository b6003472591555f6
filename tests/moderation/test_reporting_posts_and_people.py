"""A member reports a post or a person: what the moderators see of it, and what they do about it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from sqlalchemy import func, select

from app.models import Activity, Block, Post, PostCount, Report, ReportedMessage
from app.moderation.actions.reporting import MAX_PER_DAY
from tests.factories import a_follow, a_post
from tests.moderation.conftest import act_on, audit_log, last_note, newest_report, view_evidence
from tests.support.pictures import picture, post_pictures, stored, upload_avatar


@pytest.fixture
def post(members):
    return a_post(members.ben.user, "Everyone here is a fool", language="en")


def send_form(who, path: str, note: str = "Unkind", **fields: str):
    return who.submit(path, {"note": note, **fields}, action=path)


def add_block(db, one, other) -> None:
    db.session.add(Block(blocker_id=one.user.id, blocked_id=other.user.id))
    db.session.commit()


# --- A post


def test_post_is_reported_from_its_menu_and_kept_as_evidence(members, db, post):
    path = f"/report/post/{post.id}"
    for page in ("/explore", f"/post/{post.id}", "/user/ben"):
        assert path in members.ana.get(page).text, page
        assert path not in members.ben.get(page).text, page
    assert "Everyone here is a fool" in members.ana.get(path).text
    assert send_form(members.ana, path).status_code == 303
    assert members.ben.post_form(f"/post/{post.id}/delete").status_code == 303
    report = newest_report(db)
    assert (report.kind, report.accused_name, report.note) == ("post", "ben", "Unkind")
    assert "A post by <bdi>@ben</bdi>" in members.mia.get("/moderation").text
    assert "Everyone" not in members.mia.get(f"/moderation/{report.id}").text
    page = view_evidence(members.mia, report)
    assert "Everyone here is a fool" in page and 'lang="en"' in page and "English" in page
    assert "The signature is valid." in page and "moderation/1/remove_post" not in page
    assert "Everyone here is a fool" in members.ana.get(f"/report/receipt/{report.id}").text


def test_moderator_gets_the_level_and_no_link_to_a_post_they_cannot_open(members, db, post):
    a_follow(members.ana.user, members.ben.user)
    link = f'href="/post/{post.id}"'
    assert send_form(members.ana, f"/report/post/{post.id}").status_code == 303
    page = view_evidence(members.mia, newest_report(db))
    assert link in page and "Only for followers" not in page
    post.visibility = "followers"
    db.session.commit()
    assert send_form(members.ana, f"/report/post/{post.id}", note="Again").status_code == 303
    page = view_evidence(members.mia, newest_report(db))
    assert link not in page and "(deleted)" not in page and "Remove post" in page
    assert "Only for followers" in page and "The signature is valid." in page


def test_invisible_post_cannot_be_reported(members, db, post, as_, client):
    eve, path = as_("eve"), f"/report/post/{post.id}"
    add_block(db, members.ben, eve)
    add_block(db, members.ana, members.ben)
    for who in (eve, members.ana, members.ben):
        assert who.get(path).status_code == who.post_form(path, {"note": "x"}).status_code == 404
    assert client.get(path).status_code == 302
    members.ben.user.active = False
    db.session.commit()
    assert as_("zoe").get(path).status_code == 404
    assert newest_report(db) is None


def test_concurrently_sent_post_report_creates_one_report(app, members, db, post):
    fields = {"csrf_token": members.ana.csrf_token(), "form_key": "k", "note": "once"}
    cookie, path = members.ana.get_cookie("microblog_session", domain="microblog.test").value, f"/report/post/{post.id}"
    db.session.commit()

    def send(_turn):
        browser = app.test_client()
        browser.set_cookie("microblog_session", cookie, domain="microblog.test")
        return browser.post(path, data=fields).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, range(4))) == {303}
    assert db.session.scalar(select(func.count()).select_from(Report)) == 1


@pytest.mark.parametrize("is_seen", [True, False])
def test_report_of_a_quote_contains_the_quoted_post_as_the_reporter_saw_it(members, db, as_, is_seen):
    eve = as_("eve")
    original = a_post(eve.user, "Words of eve", language="fr", warning="Spoilers")
    quote = a_post(members.ben.user, "What a fool", quote_of_id=original.id)
    if not is_seen:
        add_block(db, eve, members.ana)
    path = f"/report/post/{quote.id}"
    assert ("Words of eve" in members.ana.get(path).text) == is_seen
    assert send_form(members.ana, path).status_code == 303
    assert eve.post_form(f"/post/{original.id}/delete").status_code == 303
    report = newest_report(db)
    page = view_evidence(members.mia, report)
    assert "What a fool" in page and "The signature is valid." in page
    for shown in (page, members.ana.get(f"/report/receipt/{report.id}").text):
        assert {words in shown for words in ("Words of eve", "@eve", "Spoilers", 'lang="fr"')} == {is_seen}


def test_removing_a_quote_lowers_the_number_of_quotes(members, db, post):
    quote = a_post(members.ben.user, "Look at that", quote_of_id=post.id)
    send_form(members.ana, f"/report/post/{quote.id}")
    report = newest_report(db)
    view_evidence(members.mia, report)
    assert act_on(members.mia, report, "remove_post", "Please be kind").status_code == 303
    assert db.session.scalars(select(PostCount.quotes)).all() == [0]


@pytest.mark.slow
def test_daily_report_limit_counts_all_kinds(members, db, post):
    for number in range(MAX_PER_DAY):
        assert send_form(members.ana, ["/report/person/ben", f"/report/post/{post.id}"][number % 2]).status_code == 303
    answer = send_form(members.ana, "/report/person/ben", note="Keep me")
    assert answer.status_code == 422 and "Keep me" in answer.text
    assert last_note(answer).startswith("You've sent a lot of reports today.")


@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("own_folder")
@pytest.mark.parametrize("kind", ["post", "person"])
def test_report_that_is_refused_or_sent_twice_leaves_no_file(app, members, db, monkeypatch, kind):
    if kind == "post":
        post_pictures(members.ben, [picture(), picture()], post="Look")
        path = f"/report/post/{db.session.scalars(select(Post.id)).one()}"
    else:
        upload_avatar(members.ben, picture())
        path = "/report/person/ben"
    assert send_form(members.ana, path, form_key="one").status_code == 303
    used = sorted(image["file"] for image in db.session.scalars(select(ReportedMessage.images)).one())
    assert stored(app) == used and len(used) == (2 if kind == "post" else 1)
    assert send_form(members.ana, path, form_key="one").status_code == 303
    assert stored(app) == used
    assert send_form(members.ana, path, note="x" * 1001).status_code == 422
    assert stored(app) == used
    monkeypatch.setattr("app.moderation.actions.reporting.MAX_PER_DAY", 1)
    assert send_form(members.ana, path, form_key="two").status_code == 422
    assert stored(app) == used
    assert send_form(members.mia, path, form_key="one").status_code == 303
    assert set(used) < set(stored(app)), "another reporter has their own copies"


@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("own_folder")
def test_failure_while_copying_or_storing_a_report_leaves_no_file(app, members, db, monkeypatch):
    def fail(*_args):
        raise RuntimeError("the disk or the database is away")

    post_pictures(members.ben, [picture(), picture()], post="Look")
    path = f"/report/post/{db.session.scalars(select(Post.id)).one()}"
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    with monkeypatch.context() as patch:
        patch.setattr("app.moderation.actions.reporting._notify_moderators", fail)
        assert send_form(members.ana, path).status_code == 500
    assert stored(app) == []
    monkeypatch.setattr(
        "app.moderation.evidence_images.Storage.open", lambda store, name: BytesIO(b"x") if not stored(app) else fail()
    )
    assert send_form(members.ana, path).status_code == 500
    assert stored(app) == []


def test_removing_a_post_notifies_its_author_and_is_logged(members, db, post, mails, run_jobs):
    send_form(members.ana, f"/report/post/{post.id}")
    report = newest_report(db)
    view_evidence(members.mia, report)
    assert act_on(members.mia, report, "remove_post", "Please be kind").status_code == 303
    assert db.session.scalars(select(Post)).all() == []
    assert audit_log(db)[-1] == ("mia", "removed", "ben")
    (event,) = db.session.scalars(select(Activity).where(Activity.kind == "post_removed"))
    assert event.user_id == members.ben.user.id
    page = members.ben.get("/activity").text
    assert "The moderators of this site removed one of your posts" in page
    assert "Please be kind" in page and "Everyone here is a fool" in page and "ana" not in page
    run_jobs()  # at once: no delay, no quiet hours
    (mail,) = [mail for mail in mails.to("ben@example.org") if "removed" in mail.subject]
    assert "Please be kind" in mail.text and "Everyone here is a fool" in mail.text
    assert "Everyone here is a fool" in members.mia.get(f"/moderation/{report.id}").text
    assert "mia</bdi></a> removed a post by" in members.mia.get("/moderation/log").text
    again = act_on(members.mia, report, "remove_post", "Once more")
    assert again.status_code == 422 and last_note(again) == "This post has already been deleted."
    assert "Once more" not in members.ben.get("/activity").text


def test_post_removal_requires_permission_and_a_report_about_a_post(members, db, post):
    send_form(members.ana, f"/report/post/{post.id}")
    report = newest_report(db)
    for who in (members.ana, members.ben):
        assert act_on(who, report, "remove_post", "x").status_code == 404
    assert act_on(members.mia, report, "assign").status_code == 303
    assert "This report is assigned to" in last_note(act_on(members.max, report, "remove_post", "x"))
    theirs = a_post(members.max.user, "I am a moderator")
    send_form(members.ana, f"/report/post/{theirs.id}")
    assert (
        last_note(act_on(members.mia, newest_report(db), "remove_post", "x"))
        == "Only an admin can take action against a moderator."
    )
    send_form(members.ana, "/report/person/ben")
    assert act_on(members.mia, newest_report(db), "remove_post", "x").status_code == 422
    assert db.session.scalar(select(func.count()).select_from(Post)) == 2


@pytest.mark.one_database  # the limits are in Redis
def test_pages_of_versions_are_rate_limited_for_moderators(members, db, post, rate_limits):
    send_form(members.ana, f"/report/post/{post.id}")
    report = newest_report(db)
    view_evidence(members.mia, report)
    statuses = [members.mia.get(f"/moderation/{report.id}/post").status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]


# --- A person


def test_profile_is_reported_and_kept_as_evidence(members, db, app, configure, tmp_path):
    configure(DATA_DIR=tmp_path)
    fields = {"name": "Ben the Bad", "about_me": "I insult people", "avatar": (BytesIO(picture()), "ben.png")}
    assert members.ben.submit("/edit_profile", fields).status_code == 303
    path = "/report/person/ben"
    for page in ("/user/ben", "/user/ben/popup"):
        assert path in members.ana.get(page).text, page
        assert path not in members.ben.get(page).text, page
    assert send_form(members.ana, path).status_code == 303
    members.ben.submit("/edit_profile", {"name": "Ben", "about_me": "I grow roses", "remove_avatar": "y"})
    report = newest_report(db)
    assert "<bdi>@ben</bdi>&#39;s profile" in members.mia.get("/moderation").text
    assert members.mia.get(f"/moderation/{report.id}/picture/0").status_code == 404
    page = view_evidence(members.mia, report)
    assert "Ben the Bad" in page and "I insult people" in page and "The signature is valid." in page
    assert members.mia.get(f"/moderation/{report.id}/picture/0").status_code == 200
    assert last_note(act_on(members.mia, report, "warn", "Be kind")) == ""
    for who in (members.max, members.root):
        assert "<bdi>@ben</bdi> was reported" in who.get("/activity").text


def test_members_cannot_report_themselves_or_missing_accounts(members, db, as_):
    assert (
        members.ana.get("/report/person/ana").status_code == members.ana.get("/report/person/nobody").status_code == 404
    )
    assert members.ana.post_form("/report/person/ana").status_code == 404
    members.ben.user.active = False
    db.session.commit()
    assert members.ana.get("/report/person/ben").status_code == 404


@pytest.mark.parametrize("blocker", ["ana", "ben"])
def test_report_does_not_reveal_a_profile_hidden_by_a_block(members, db, blocker):
    members.ben.user.about_me = "I insult people"
    add_block(db, *((members.ana, members.ben) if blocker == "ana" else (members.ben, members.ana)))
    path = "/report/person/ben"
    assert path in members.ana.get("/user/ben").text
    assert "I insult people" not in members.ana.get(path).text
    assert send_form(members.ana, path).status_code == 303
    receipt = f"/report/receipt/{newest_report(db).id}"
    assert "I insult people" not in members.ana.get(receipt).text + members.ana.get(f"{receipt}/sealed.json").text
    assert "I insult people" in view_evidence(members.mia, newest_report(db))


def test_accused_moderator_is_not_notified_and_cannot_see_the_report(members, db):
    send_form(members.ana, "/report/person/mia")
    report = newest_report(db)
    assert members.mia.get(f"/moderation/{report.id}").status_code == 404
    assert members.max.get(f"/moderation/{report.id}").status_code == 200
    kinds = select(Activity.user_id).where(Activity.kind == "report")
    assert set(db.session.scalars(kinds)) == {members.max.user.id, members.root.user.id}
