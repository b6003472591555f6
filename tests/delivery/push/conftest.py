"""People whose browsers asked for Web Push, and the push service that reaches them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from app.models import PushSubscription
from tests.support.client import Browser
from tests.support.push_service import PushBrowser, PushService


@pytest.fixture
def service(configure) -> Iterator[PushService]:
    """A push service that the site knows."""
    service = PushService()
    configure(PUSH_HOSTS=("127.0.0.1",))
    yield service
    service.stop()


@pytest.fixture
def subscribe(service) -> Callable[..., PushBrowser]:
    """Ask for Web Push on a logged-in browser, as its page does; `device` is one that did before."""

    def subscribe(browser: Browser, device: PushBrowser | None = None) -> PushBrowser:
        device = device or service.browser()
        answer = browser.post_form("/push/subscribe", device.fields())
        assert answer.status_code == 204, answer.text
        return device

    return subscribe


@pytest.fixture
def subscriptions(db) -> Callable[[], list[PushSubscription]]:
    """The rows, oldest first."""

    def rows() -> list[PushSubscription]:
        db.session.commit()
        return db.session.query(PushSubscription).order_by(PushSubscription.id).all()

    return rows
