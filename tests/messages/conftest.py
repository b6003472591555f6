"""Two people who know each other, and a look at the numbers kept beside their messages."""

from __future__ import annotations

import pytest

from app.messages import counters
from app.queries import unread
from tests.factories import a_user, acquainted
from tests.support.changed_messages import published_state
from tests.support.client import in_new_context
from tests.support.groups import acquaint


@pytest.fixture
def ana(as_):
    """Somebody who knows ben."""
    browser = as_("ana")
    acquainted(browser.user, a_user("ben"))
    return browser


@pytest.fixture
def ben(ana, as_):
    """The other one."""
    return as_("ben")


@pytest.fixture
def assert_counters_correct(db, app):
    """Whether the numbers kept beside the messages are what they should be, and the badge what the list says."""

    def counted_anew():
        with app.app_context():
            return counters.recount()

    def check(*browsers) -> None:
        assert in_new_context(counted_anew)["drift"] == 0
        for browser in browsers:
            listed = len(db.session.scalars(unread.messages(browser.user.id)).all())
            assert unread.message_count(browser.user.id) == listed
            assert published_state(db, browser, "unread_message_count") in {None, listed}
            assert f'data-badge="unread_message_count" data-count="{listed}"' in browser.get("/explore").text

    return check


@pytest.fixture
def ana_with_contacts(as_, db):
    """Ana's browser; she writes to ben and cleo already, and nobody knows dora."""
    ana = as_("ana")
    people = {name: a_user(name, name=name.title()) for name in ("ben", "cleo", "dora")}
    acquaint(ana.user, people["ben"], people["cleo"])
    ana.people = people
    return ana
