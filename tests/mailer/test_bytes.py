"""The bytes of an email: short lines whatever the text, one recipient whatever the name, and threads."""

from __future__ import annotations

import email
import email.policy
import re
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.exceptions import ActionError
from app.core.validation import checked_name
from app.extensions import db as the_db
from tests.delivery.events import set_preference
from tests.factories import a_message, a_user
from tests.support.groups import acquaint, begin, the_group
from tests.support.jobs import run_due_jobs

MAX_LINE_LENGTH = 998  # octets without CRLF (RFC 5322, 2.1.1)
WORDS = "The quick brown fox jumps over the lazy dog. "
LONG = {
    "a paragraph": WORDS * 40,
    "one word": "x" * 2000,
    "Chinese": "中文沒有空格" * 300,
    "an address": "https://example.org/" + "path/" * 390,
    "emoji": "👩‍👩‍👧‍👦" * 150,
    "spaces at the ends": ("a" * 70 + "   \n") * 20,
    "dots": "\n.\n..\n" + ".\n" * 50 + "end",
    "one long line and From": "From here\n" + "=" * 1500,
}


@pytest.fixture
def pair(db):
    ana, ben = a_user("ana", name="Ana"), a_user("ben", name="Ben")
    set_preference(ben, "message", mail="now")
    return ana, ben


def lines_of(mail) -> list[bytes]:
    return mail.raw.split(b"\r\n")


def parsed(mail, policy=email.policy.default) -> EmailMessage:
    return email.message_from_bytes(mail.raw, policy=policy)


def test_non_ascii_site_name_produces_ascii_headers(pair, make_app, mails):
    app = make_app(public_url="https://straße.example/blog", mail_default_sender="Straße <noreply@straße.example>")
    a_message(*pair, "Hello")
    the_db.session.commit()
    run_due_jobs(app, advance=60)
    (mail,) = mails
    assert mail.raw.isascii()
    assert "<https://xn--strae-oqa.example/blog/" in mail.raw.decode()


@pytest.mark.parametrize("body", LONG.values(), ids=LONG.keys())
def test_long_lines_are_wrapped_and_the_text_arrives_unchanged(pair, configure, run_jobs, mails, body):
    configure(MESSAGE_MAX_LENGTH=2000)
    stored = a_message(*pair, body).body
    run_jobs(advance=60)
    (mail,) = mails
    assert max(map(len, lines_of(mail))) <= MAX_LINE_LENGTH
    assert mail.raw.isascii()
    expected = "\n".join(f"> {line}" for line in stored.split("\n"))
    assert expected in mail.text.replace("\r\n", "\n")
    assert not mail.message.defects
    assert all(not part.defects for part in mail.message.walk())


def test_long_message_does_not_delay_a_later_email(pair, run_jobs, mails):
    a_message(*pair, "x" * 1039)
    run_jobs(advance=60)
    a_message(a_user("cleo"), pair[1], "and a short one")
    run_jobs(advance=60)
    assert [mail.text.count("and a short one") for mail in mails] == [0, 1]


def test_long_subject_is_folded(as_, db, run_jobs, mails):
    ana, ben, cleo = a_user("ana", name="Ana Maria " * 5), a_user("ben"), a_user("cleo")
    acquaint(ana, ben, cleo)
    begin(as_(ana), name="long" * 20)
    run_jobs(advance=60)
    (mail,) = mails.to(ben.email)
    head = mail.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert max(len(line) for line in head if not line.startswith(b"List-Unsubscribe:")) <= 78
    assert mail.subject == f"New message from {ana.display_name.strip()} in {'long' * 20}"


def test_an_email_without_an_attachment_is_multipart_alternative(pair, run_jobs, mails):
    a_message(*pair)
    run_jobs(advance=60)
    message = parsed(mails[0])
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_plain_ascii_is_not_encoded(pair, run_jobs, mails):
    a_message(*pair, "Lunch at noon?")
    run_jobs(advance=60)
    raw = dict(parsed(mails[0], email.policy.compat32).items())
    assert raw["From"] == "Microblog <noreply@microblog.test>"
    assert raw["To"] == "Ben <ben@example.org>"
    assert raw["Subject"] == "New message from Ana"
    assert b"> Lunch at noon?\r\n" in mails[0].raw
    assert len(raw) == len(parsed(mails[0], email.policy.compat32).items())  # no header comes twice


def test_name_with_commas_is_one_recipient(db, run_jobs, mails):
    name = "x, boss@corp.example, cfo@corp.example, y"
    a_message(a_user("ana"), a_user("ben", name=name))
    run_jobs(advance=60)
    assert [(one.display_name, one.addr_spec) for one in mails[0].message["To"].addresses] == [
        (name, "ben@example.org")
    ]


def recipients(mail) -> list[tuple[str, str]]:
    """By the older parser: the newer one of Python 3.11 adds a space between encoded words in a name."""
    found = getaddresses(parsed(mail, email.policy.compat32).get_all("To"))
    return [(str(make_header(decode_header(name))), address) for name, address in found]


ODD = st.sampled_from(
    [*'",;:<>@()[]\\.=?_ \t', "=?utf-8?q?", "?=", "=?utf-8?b?", "boss@corp.example", "é", "中", "👩‍👧"]
)
NAMES = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=40), st.lists(ODD, max_size=16).map("".join)
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES, NAMES)
@pytest.mark.slow
def test_any_name_is_one_recipient_and_arrives_unchanged(pair, configure, run_jobs, mails, name, other):
    configure(MAIL_DAILY_CAP=0)
    for person, called in zip(pair, (name, other), strict=True):
        try:
            person.name = checked_name(called, 50, points=64)
        except ActionError:
            person.name = ""
    the_db.session.commit()
    mails.clear()
    a_message(*pair, "Hello")
    run_jobs(advance=60)
    (mail,) = mails
    assert [one.addr_spec for one in mail.message["To"].addresses] == ["ben@example.org"]
    assert recipients(mail) == [(pair[1].display_name, "ben@example.org")]
    assert mail.subject == f"New message from {pair[0].display_name}"
    assert max(map(len, lines_of(mail))) <= MAX_LINE_LENGTH
    old = parsed(mail, email.policy.compat32)  # what programs see that parse strictly by line
    assert [key for key in old.keys() if key.lower() in {"bcc", "cc"}] == []  # noqa: SIM118
    assert set(mail.message.keys()) == HEADERS


HEADERS = {
    *("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Auto-Submitted"),
    *("Content-Language", "List-Unsubscribe", "List-Unsubscribe-Post", "References", "In-Reply-To"),
}


def test_emails_of_one_conversation_form_a_thread(pair, run_jobs, mails):
    ana, ben = pair
    cleo = a_user("cleo")
    for sender in (ana, ana, cleo):
        a_message(sender, ben)
        run_jobs(advance=60)
    first, second, other = (parsed(mail) for mail in mails)
    assert first["References"] and first["References"] == second["References"]
    assert second["In-Reply-To"] in second["References"]
    assert re.fullmatch(r"<[^<>@\s]+@microblog\.test>", second["In-Reply-To"])
    assert other["References"] not in (None, first["References"])
    assert len({first["Message-ID"], second["Message-ID"], other["Message-ID"]}) == 3


def test_each_reader_of_a_group_has_a_separate_email_thread(as_, db, run_jobs, mails):
    ana, ben, cleo = as_("ana"), a_user("ben"), a_user("cleo")
    acquaint(ana.user, ben, cleo)
    begin(ana)
    run_jobs(advance=60)
    ana.post_form(f"/messages/thread/{the_group(db).id}/send", {"message": "Fresh"})
    run_jobs(advance=60)
    threads = {one.email: {mail.message["References"] for mail in mails.to(one.email)} for one in (ben, cleo)}
    assert [len(found) for found in threads.values()] == [1, 1]
    assert threads[ben.email] != threads[cleo.email]
