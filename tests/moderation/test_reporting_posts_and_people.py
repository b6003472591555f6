"""A member reports a post or a person: what the moderators see of it, and what they do about it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from sqlalchemy import func, select

from app.models import Activity, Block, Post, Report
from app.moderation.actions.reporting import MAX_PER_DAY
from tests.factories import a_post
from tests.moderation.conftest import does, log, looks, newest, said
from tests.support.pictures import picture


@pytest.fixture
def post(town):
    return a_post(town.ben.user, "Everyone here is a fool", language="en")


def sends(who, path: str, note: str = "Unkind", **fields: str):
    return who.submit(path, {"note": note, **fields}, action=path)


def block(db, one, other) -> None:
    db.session.add(Block(blocker_id=one.user.id, blocked_id=other.user.id))
    db.session.commit()


# --- A post


def test_a_post_is_reported_from_its_menu_and_kept_as_it_was(town, db, post):
    path = f"/report/post/{post.id}"
    for page in ("/explore", f"/post/{post.id}", "/user/ben"):
        assert path in town.ana.get(page).text, page
        assert path not in town.ben.get(page).text, page
    assert "Everyone here is a fool" in town.ana.get(path).text
    assert sends(town.ana, path).status_code == 303
    assert town.ben.post_form(f"/post/{post.id}/delete").status_code == 303
    report = newest(db)
    assert (report.kind, report.accused_name, report.note) == ("post", "ben", "Unkind")
    assert "A post by <bdi>@ben</bdi>" in town.mia.get("/moderation").text
    assert "Everyone" not in town.mia.get(f"/moderation/{report.id}").text
    page = looks(town.mia, report)
    assert "Everyone here is a fool" in page and 'lang="en"' in page and "English" in page
    assert "The signature is valid." in page and "moderation/1/remove_post" not in page
    assert "Everyone here is a fool" in town.ana.get(f"/report/receipt/{report.id}").text


def test_who_cannot_see_a_post_cannot_report_it(town, db, post, as_, client):
    eve, path = as_("eve"), f"/report/post/{post.id}"
    block(db, town.ben, eve)
    block(db, town.ana, town.ben)
    for who in (eve, town.ana, town.ben):
        assert who.get(path).status_code == who.post_form(path, {"note": "x"}).status_code == 404
    assert client.get(path).status_code == 302
    town.ben.user.active = False
    db.session.commit()
    assert as_("zoe").get(path).status_code == 404
    assert newest(db) is None


def test_one_form_makes_one_report_also_from_four_at_once(app, town, db, post):
    fields = {"csrf_token": town.ana.csrf_token(), "form_key": "k", "note": "once"}
    cookie, path = town.ana.get_cookie("microblog_session", domain="microblog.test").value, f"/report/post/{post.id}"
    db.session.commit()

    def send(_turn):
        browser = app.test_client()
        browser.set_cookie("microblog_session", cookie, domain="microblog.test")
        return browser.post(path, data=fields).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, range(4))) == {303}
    assert db.session.scalar(select(func.count()).select_from(Report)) == 1


@pytest.mark.slow
def test_the_limit_of_a_day_holds_for_all_kinds(town, db, post):
    for number in range(MAX_PER_DAY):
        assert sends(town.ana, ["/report/person/ben", f"/report/post/{post.id}"][number % 2]).status_code == 303
    answer = sends(town.ana, "/report/person/ben", note="Keep me")
    assert answer.status_code == 422 and "Keep me" in answer.text
    assert said(answer).startswith("You've sent a lot of reports today.")


def test_a_post_is_removed_its_author_told_and_the_log_knows(town, db, post, mails, run_jobs):
    sends(town.ana, f"/report/post/{post.id}")
    report = newest(db)
    looks(town.mia, report)
    assert does(town.mia, report, "remove_post", "Please be kind").status_code == 303
    assert db.session.scalars(select(Post)).all() == []
    assert log(db)[-1] == ("mia", "removed", "ben")
    (event,) = db.session.scalars(select(Activity).where(Activity.kind == "post_removed"))
    assert event.user_id == town.ben.user.id
    page = town.ben.get("/activity").text
    assert "The moderators of this site removed one of your posts" in page
    assert "Please be kind" in page and "Everyone here is a fool" in page and "ana" not in page
    run_jobs()  # at once: no delay, no quiet hours
    (mail,) = [mail for mail in mails.to("ben@example.org") if "removed" in mail.subject]
    assert "Please be kind" in mail.text and "Everyone here is a fool" in mail.text
    assert "Everyone here is a fool" in town.mia.get(f"/moderation/{report.id}").text
    assert "mia</bdi></a> removed a post by" in town.mia.get("/moderation/log").text
    again = does(town.mia, report, "remove_post", "Once more")
    assert again.status_code == 422 and said(again) == "This post has already been deleted."
    assert "Once more" not in town.ben.get("/activity").text


def test_only_who_may_judge_removes_a_post_and_only_of_a_report_of_one(town, db, post):
    sends(town.ana, f"/report/post/{post.id}")
    report = newest(db)
    for who in (town.ana, town.ben):
        assert does(who, report, "remove_post", "x").status_code == 404
    assert does(town.mia, report, "assign").status_code == 303
    assert "This report is assigned to" in said(does(town.max, report, "remove_post", "x"))
    theirs = a_post(town.max.user, "I am a moderator")
    sends(town.ana, f"/report/post/{theirs.id}")
    assert said(does(town.mia, newest(db), "remove_post", "x")) == "Only an admin can take action against a moderator."
    sends(town.ana, "/report/person/ben")
    assert does(town.mia, newest(db), "remove_post", "x").status_code == 422
    assert db.session.scalar(select(func.count()).select_from(Post)) == 2


# --- A person


def test_a_person_is_reported_with_their_profile_as_it_was(town, db, app, configure, tmp_path):
    configure(DATA_DIR=tmp_path)
    fields = {"name": "Ben the Bad", "about_me": "I insult people", "avatar": (BytesIO(picture()), "ben.png")}
    assert town.ben.submit("/edit_profile", fields).status_code == 303
    path = "/report/person/ben"
    for page in ("/user/ben", "/user/ben/popup"):
        assert path in town.ana.get(page).text, page
        assert path not in town.ben.get(page).text, page
    assert sends(town.ana, path).status_code == 303
    town.ben.submit("/edit_profile", {"name": "Ben", "about_me": "I grow roses", "remove_avatar": "y"})
    report = newest(db)
    assert "<bdi>@ben</bdi>&#39;s profile" in town.mia.get("/moderation").text
    assert town.mia.get(f"/moderation/{report.id}/picture/0").status_code == 404
    page = looks(town.mia, report)
    assert "Ben the Bad" in page and "I insult people" in page and "The signature is valid." in page
    assert town.mia.get(f"/moderation/{report.id}/picture/0").status_code == 200
    assert said(does(town.mia, report, "warn", "Be kind")) == ""
    for who in (town.max, town.root):
        assert "<bdi>@ben</bdi> was reported" in who.get("/activity").text


def test_nobody_reports_themselves_or_whom_nobody_finds(town, db, as_):
    assert town.ana.get("/report/person/ana").status_code == town.ana.get("/report/person/nobody").status_code == 404
    assert town.ana.post_form("/report/person/ana").status_code == 404
    town.ben.user.active = False
    db.session.commit()
    assert town.ana.get("/report/person/ben").status_code == 404


@pytest.mark.parametrize("blocker", ["ana", "ben"])
def test_a_report_shows_nobody_what_a_block_hides(town, db, blocker):
    town.ben.user.about_me = "I insult people"
    block(db, *((town.ana, town.ben) if blocker == "ana" else (town.ben, town.ana)))
    path = "/report/person/ben"
    assert path in town.ana.get("/user/ben").text
    assert "I insult people" not in town.ana.get(path).text
    assert sends(town.ana, path).status_code == 303
    receipt = f"/report/receipt/{newest(db).id}"
    assert "I insult people" not in town.ana.get(receipt).text + town.ana.get(f"{receipt}/sealed.json").text
    assert "I insult people" in looks(town.mia, newest(db))


def test_who_is_part_of_it_neither_hears_of_it_nor_sees_it(town, db):
    sends(town.ana, "/report/person/mia")
    report = newest(db)
    assert town.mia.get(f"/moderation/{report.id}").status_code == 404
    assert town.max.get(f"/moderation/{report.id}").status_code == 200
    kinds = select(Activity.user_id).where(Activity.kind == "report")
    assert set(db.session.scalars(kinds)) == {town.max.user.id, town.root.user.id}
