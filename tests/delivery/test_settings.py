from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.core.exceptions import ActionError
from app.delivery import actions
from app.models import DeliveryPreference, DeliveryProfile
from app.notifications import preferences, record_event
from app.notifications.kinds import CONFIGURABLE, KINDS, MAILS
from app.notifications.preferences import Preference
from tests.factories import a_user
from tests.support.settings_page import PAGE, chosen, submit_settings, tick, typed


def activity_count(browser):
    """The badge of Activity, as the page and as the poll say it."""
    shown = re.search(r'data-badge="unread_activity_count" data-count="(\d+)"', browser.get(PAGE).text)
    told = [one["data"] for one in browser.get("/notifications").json if one["name"] == "unread_activity_count"]
    return int(shown[1]), told[-1]


@pytest.fixture
def followed(as_, db):
    """ana, of whom ben is a follower, unread."""
    ana = as_("ana")
    record_event(ana.user.id, "follow", "ben", actor=a_user("ben"))
    db.session.commit()
    return ana


def test_defaults_are_shown_and_create_no_rows(as_, db):
    ana = as_("ana")
    page = ana.get(PAGE).text
    for name, kind in CONFIGURABLE.items():
        assert chosen(page, f"{name}-mail") == kind.mail
        assert tick(page, f"{name}-push") == kind.push
        assert tick(page, f"{name}-badge") == (None if name == "message" else True)
        assert tick(page, f"{name}-grouped") == (True if kind.groups else None)
    assert not tick(page, "quiet")
    assert (typed(page, "digest_at"), chosen(page, "digest_weekday")) == ("08:00", "0")
    assert submit_settings(ana).status_code == 303
    assert db.session.scalars(select(DeliveryPreference)).all() == []  # so better defaults reach them, too


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURABLE)
def test_every_preference_of_a_kind_is_saved(as_, db, name):
    ana, kind = as_("ana"), KINDS[name]
    for mail in MAILS:
        assert submit_settings(ana, **{f"{name}-mail": mail}).status_code == 303
        assert chosen(ana.get(PAGE).text, f"{name}-mail") == preferences.grid(ana.user.id)[name].mail == mail
    submit_settings(
        ana, **{f"{name}-badge": None, f"{name}-push": None, f"{name}-grouped": None, f"{name}-mail": "weekly"}
    )
    assert preferences.grid(ana.user.id)[name] == Preference(name == "message", False, "weekly", False)
    assert tick(ana.get(PAGE).text, f"{name}-push") is False
    submit_settings(ana, **{f"{name}-badge": "y", f"{name}-push": "y", f"{name}-grouped": "y", f"{name}-mail": "none"})
    assert preferences.grid(ana.user.id)[name] == Preference(True, True, "none", kind.groups)
    assert tick(ana.get(PAGE).text, f"{name}-push") is True
    others = {other: preferences.default(KINDS[other]) for other in KINDS if other != name}
    assert {**preferences.grid(ana.user.id), name: None} == {**others, name: None}


def test_times_and_filters_are_saved(as_, db):
    ana = as_("ana")
    said = {"quiet": "y", "quiet_from": "23:15", "quiet_until": "06:45", "digest_at": "19:05", "digest_weekday": "6"}
    assert submit_settings(ana, **said, not_following="hold", new_account="drop").status_code == 303
    row = db.session.get_one(DeliveryProfile, ana.user.id)
    assert (row.quiet_from, row.quiet_until) == (23 * 60 + 15, 6 * 60 + 45)
    assert (row.digest_at, row.digest_weekday) == (19 * 60 + 5, 6)
    assert (row.not_following, row.new_account) == ("hold", "drop")
    page = ana.get(PAGE).text
    assert tick(page, "quiet")
    assert {name: typed(page, name) for name in ("quiet_from", "quiet_until", "digest_at")}.items() <= said.items()
    assert chosen(page, "digest_weekday") == "6"
    ticked = re.findall(r'<input checked[^>]* name="(not_following|new_account)"[^>]* value="(\w+)"', page)
    assert ticked == [("not_following", "hold"), ("new_account", "drop")]
    assert submit_settings(ana, quiet=None, quiet_from="", quiet_until="").status_code == 303
    db.session.expire_all()
    assert (row.quiet_from, row.quiet_until, row.digest_at) == (None, None, 19 * 60 + 5)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"quiet_from": "07:00", "quiet_until": "07:00"}, "The start and end times must be different."),
        ({"quiet_from": ""}, "Enter a time, such as 07:30."),
        ({"quiet_until": "25:00"}, "Enter a time, such as 07:30."),
        ({"digest_at": ""}, "Enter a time, such as 07:30."),
        ({"digest_at": "noon"}, "Enter a time, such as 07:30."),
        ({"digest_weekday": "7"}, "Choose a day of the week."),
        ({"not_following": "burn"}, "Choose Accept, Filter or Ignore."),
        ({"new_account": ""}, "Choose Accept, Filter or Ignore."),
        ({"mention-mail": "hourly"}, "Choose how often to get email: immediately, daily, weekly or never."),
    ],
)
def test_rejected_settings_show_an_error_and_keep_the_input(as_, db, wrong, sentence):
    ana = as_("ana")
    right = {"quiet": "y", "quiet_from": "21:30", "quiet_until": "06:10", "follow-mail": "weekly", "login-push": None}
    answer = submit_settings(ana, **{**right, **wrong})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert chosen(answer.text, "follow-mail") == "weekly"
    assert not tick(answer.text, "login-push")
    assert tick(answer.text, "quiet")
    for name in ("quiet_from", "quiet_until"):
        assert typed(answer.text, name) == {**right, **wrong}[name]
    assert preferences.grid(ana.user.id) == {name: preferences.default(kind) for name, kind in KINDS.items()}
    assert db.session.get(DeliveryProfile, ana.user.id) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"quiet_from": -1},
        {"quiet_until": 1440},
        {"quiet_until": None},
        {"digest_at": 1440},
        {"digest_weekday": -1},
        {"not_following": ""},
    ],
)
def test_profile_action_validates_its_input(db, wrong):
    good = {"quiet_from": 0, "quiet_until": 60, "digest_at": 0, "digest_weekday": 6}
    filters = {"not_following": "accept", "new_account": "accept"}
    ana = a_user("ana")
    actions.save_profile(ana, actions.ProfileChange(**good, **filters))
    with pytest.raises(ActionError):
        actions.save_profile(ana, actions.ProfileChange(**{**good, **filters, **wrong}))


def test_undeclared_kind_is_rejected(db):
    ana = a_user("ana")
    with pytest.raises(ActionError, match="doesn't exist"):
        actions.save_grid(ana, {"poke": Preference(True, True, "now", False)})
    with pytest.raises(ActionError, match="doesn't exist"):
        actions.disable_email(ana, ["mention", "poke"])
    assert db.session.scalars(select(DeliveryPreference)).all() == []


def test_switching_a_badge_off_and_on_updates_the_count_immediately(followed):
    assert activity_count(followed) == (1, 1)
    submit_settings(followed, **{"follow-badge": None})
    assert activity_count(followed) == (0, 0)
    submit_settings(followed, **{"follow-badge": "y"})
    assert activity_count(followed) == (1, 1)


def test_disabling_email_keeps_other_preferences_of_the_kind(as_, db):
    ana = as_("ana")
    submit_settings(ana, **{"follow-mail": "now", "follow-badge": None})
    actions.disable_email(ana.user, ["follow", "mention"])
    db.session.commit()
    grid = preferences.grid(ana.user.id)
    assert grid["follow"] == Preference(badge=False, push=False, mail="none", grouped=True)
    assert grid["mention"] == Preference(badge=True, push=True, mail="none", grouped=False)
    assert grid["message"] == preferences.default(KINDS["message"])


def test_settings_of_other_members_do_not_change(as_, db):
    ben = as_("ben")
    submit_settings(ben, **{"mention-mail": "weekly", "quiet": "y"})
    submit_settings(as_("ana"), **{"mention-mail": "none", "digest_at": "12:00", "new_account": "drop"})
    as_("ana").post_form(f"{PAGE}/pause")
    page = ben.get(PAGE).text
    assert chosen(page, "mention-mail") == "weekly"
    assert typed(page, "digest_at") == "08:00"
    assert "Paused until" not in page


def test_settings_page_takes_few_statements_for_any_number_of_rows(as_, queries):
    ana = as_("ana")
    ana.get(PAGE)  # keeps last_seen
    with queries() as asked:
        ana.get(PAGE)
    empty = len(asked)
    submit_settings(
        ana,
        **{f"{name}-push": None for name in CONFIGURABLE},
        **{f"{name}-mail": "weekly" for name in CONFIGURABLE},
        quiet="y",
    )
    with queries() as asked:
        ana.get(PAGE)
    assert len(asked) <= empty <= 3, asked


def test_notification_settings_require_login_and_csrf_token(as_, client, db):
    assert client.get(PAGE).status_code == 302
    for path in (PAGE, f"{PAGE}/pause", f"{PAGE}/resume"):
        assert as_("ana").post(path).status_code == 400
    assert db.session.scalars(select(DeliveryProfile)).all() == []


def test_settings_navigation_marks_the_notifications_page(as_):
    page = as_("ana").get(PAGE).text
    assert re.search(rf'<a href="{PAGE}" aria-current="page">Notifications</a>', page)
    assert re.search(r'<a class="nav-link" href="/edit_profile" aria-current="true">', page)


def test_every_control_has_an_accessible_name(as_):
    page = as_("ana").get(PAGE).text
    ids = set(re.findall(r' id="([^"]+)"', page))
    table = re.search(r'<table class="delivery".*?</table>', page, re.S)[0]
    controls = re.findall(r"<(?:input|select)\b[^>]*>", table)
    assert len(controls) == len(CONFIGURABLE) * 3 - 1 + sum(kind.groups for kind in CONFIGURABLE.values())
    for control in controls:
        assert set(re.search(r'aria-labelledby="([^"]+)"', control)[1].split()) <= ids, control
