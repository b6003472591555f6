"""A push about a group leads to the group, and says who wrote in it."""

from __future__ import annotations

import pytest

from app.messages.actions import groups, send_to_group
from tests.factories import a_user, acquainted

SOON = 60  # seconds after which an ordered push is due


@pytest.fixture
def group(as_, db, subscribe):
    """`group.write(name, text)`: somebody writes in a group of ben, cleo and ana, whose browser gets pushes."""
    ana, ben, cleo = as_("ana"), a_user("ben", name="Ben"), a_user("cleo", name="Cleo")
    subscribe(ana)
    acquainted(ben, ana.user)
    acquainted(ben, cleo)
    made = groups.start(ben, [ana.user, cleo], "Bakers", "Bread?")
    db.session.commit()
    made.people = {"ben": ben, "cleo": cleo}
    return made


def test_push_links_to_the_group(group, service, run_jobs):
    run_jobs(advance=SOON)
    (push,) = service.pushes
    assert push.message["title"] == "New message from Ben in Bakers"
    assert push.message["url"] == f"/messages/thread/{group.id}"


def test_push_about_a_group_without_a_name_does_not_name_the_sender_twice(group, db, service, run_jobs):
    group.name = ""
    db.session.commit()
    run_jobs(advance=SOON)
    (push,) = service.pushes
    assert push.message["title"] == "New message from Ben in your conversation with Cleo"


@pytest.mark.parametrize(
    ("name", "title"),
    [("Bakers", "2 new messages in Bakers"), ("", "2 new messages in your conversation with Ben and Cleo")],
)
def test_push_groups_messages_of_several_senders_in_one_line(group, db, service, run_jobs, name, title):
    group.name = name
    send_to_group(group.people["cleo"], group.id, "Rolls!")
    db.session.commit()
    run_jobs(advance=SOON)
    (push,) = service.pushes
    assert (push.message["title"], push.message["body"]) == (title, "")
    assert push.message["url"] == f"/messages/thread/{group.id}"
