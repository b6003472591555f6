"""Arbitrary text as a name, as a message and as a translation: every page answers, and every email is accepted."""

from __future__ import annotations

import email
import email.policy
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.extensions import db as the_db
from app.messages.actions import rate_limits
from tests.factories import a_user, acquainted
from tests.support.client import Browser
from tests.support.translations import translations

EXAMPLES = 1000 if "EXPLORE_ALL" in os.environ else 100  # a thousand take ten minutes
LANGUAGE = "es"
# On the page of a conversation, in the frame of every page, and in each part of the email.
MSGIDS = [
    *("New message from %(name)s", "%(sender)s sent you a message:", "Hi %(name)s,", "Reply"),
    *(
        "Private messages",
        "Change your notification settings",
        "Messages",
        "Search",
        "Home",
        "Profile",
        "Send",
        "Send message",
    ),
]

ODD = st.sampled_from(
    [
        *"%<>&\"'{}\\`,;:@()[]=?_.\r\n\t \0\x0b\x1b\x7f\x85",
        *("%(name)s", "%s", "%(num)d", "{{ 7*7 }}", "=?utf-8?q?x?=", "\r\nBcc: boss@corp.example\r\n", "\r\n.\r\n"),
        *("</style><script>", "中", "é", "👩\u200d👧", "\ufeff", "\u2028", "\u202e"),
    ]
)
TEXT = st.one_of(
    st.text(max_size=60),
    st.lists(ODD, max_size=20).map("".join),
    st.builds(lambda text, times: (text * times)[:2000], st.text(min_size=1, max_size=8), st.integers(1, 2000)),
)
MESSAGE = st.one_of(TEXT, TEXT.map(lambda text: f"{text[:1900]} and words"))  # blank ones are refused
NAME = TEXT.map(lambda text: text[:40])  # mostly short enough to be accepted


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_any_text_can_be_emailed_and_displayed(app, as_, db, configure, monkeypatch, run_jobs, mails):
    configure(MAIL_DAILY_CAP=0)
    monkeypatch.setattr(rate_limits, "NEW", rate_limits.Limits(10**6, 10**6, 10**6))
    pairs: list[tuple[Browser, Browser]] = []
    tried = mailed = named = 0

    with translations(app, LANGUAGE) as say:

        @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
        @given(NAME, NAME, MESSAGE, st.fixed_dictionaries(dict.fromkeys(MSGIDS, TEXT)))
        def each(name, other_name, message, texts):
            nonlocal tried, mailed, named
            say(texts)
            if tried % 25 == 0:  # a conversation does not grow for ever
                ana, ben = (as_(a_user(f"{who}{tried}", language=LANGUAGE)) for who in ("ana", "ben"))
                acquainted(ana.user, ben.user)
                pairs.append((ana, ben))
            tried += 1
            ana, ben = pairs[-1]
            mails.clear()
            for browser, called in ((ana, name), (ben, other_name)):
                profile = {"name": called, "language": LANGUAGE, "timezone": "", "theme": "auto"}
                answer = browser.post_form("/edit_profile", profile)
                assert answer.status_code in {303, 422}
                named += answer.status_code == 303
            sent = ana.post_form(f"/send_message/{ben.user.username}", {"message": message})
            assert sent.status_code in {303, 422}
            run_jobs(advance=60)
            assert len(mails) == mails.tried == (1 if sent.status_code == 303 else 0)
            mailed += len(mails)
            for mail in mails:
                _check(mail, ben.user.email)
            for path in (f"/messages/{ana.user.username}", f"/user/{ana.user.username}"):
                assert ben.get(path).status_code == 200, path

        each()
    the_db.session.commit()
    assert mailed > EXAMPLES // 3
    assert named > EXAMPLES // 3


def _check(mail, address: str) -> None:
    assert mail.raw.isascii()
    assert max(map(len, mail.raw.split(b"\r\n"))) <= 998
    assert [one.addr_spec for one in mail.message["To"].addresses] == [address]
    old = email.message_from_bytes(mail.raw, policy=email.policy.compat32)
    assert {key.lower() for key in old.keys()}.isdisjoint({"bcc", "cc"})  # noqa: SIM118 - a message is no mapping
    assert not mail.message.defects
