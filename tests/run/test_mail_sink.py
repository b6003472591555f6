"""The stand-in for the world's mail: stores whole mails, shows them without running them."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.run.mail_sink.page import create_page, in_new_tabs, linked
from app.run.mail_sink.smtp import Handler
from app.run.mail_sink.store import MailStore


@pytest.fixture
def store(tmp_path: Path) -> MailStore:
    return MailStore(tmp_path / "mail", keep=3)


@pytest.fixture
def page(store: MailStore) -> FlaskClient:
    return create_page(store).test_client()


def a_mail(subject: str = "Hello", text: str = "A line.", html: str = "") -> bytes:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["Message-ID"] = subject, "Microblog <noreply@localhost>", "<1@localhost>"
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    return mail.as_bytes()


def test_newest_emails_are_kept_and_listed_first(store: MailStore, page: FlaskClient) -> None:
    for number in range(5):
        store.add(a_mail(f"Mail {number}"), [f"{number}@example.org"])
    assert [mail["subject"] for mail in page.get("/messages.json").json or []] == ["Mail 4", "Mail 3", "Mail 2"]
    assert [mail["to"] for mail in page.get("/messages.json?to=3@Example.ORG").json or []] == [["3@example.org"]]
    assert len(page.get("/messages.json?limit=1").json or []) == 1


def test_emails_remain_after_a_restart_of_the_mail_sink(store: MailStore, tmp_path: Path) -> None:
    store.add(a_mail("Über uns", "Zeile\r\n"), ["ana@example.org"])
    (mail,) = MailStore(tmp_path / "mail").newest()
    assert (mail.subject, mail.text.strip(), mail.message_id) == ("Über uns", "Zeile", "<1@localhost>")


def test_scripts_in_an_email_do_not_run(store: MailStore, page: FlaskClient) -> None:
    mail_id = store.add(a_mail("<script>alert(1)</script>", html="<script>alert(1)</script>"), ["<b>@example.org"])
    shown = page.get(f"/mail/{mail_id}")
    assert "<script>alert" not in shown.text
    assert "script-src 'self'" in shown.headers["Content-Security-Policy"]
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in shown.text
    policy = page.get(f"/mail/{mail_id}/body").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy.replace("allow-scripts", "script")


def test_email_text_and_source_are_shown(store: MailStore, page: FlaskClient) -> None:
    mail_id = store.add(a_mail(text="Go: http://127.0.0.1:5000/auth/confirm/x."), ["ana@example.org"])
    assert 'href="http://127.0.0.1:5000/auth/confirm/x"' in page.get(f"/mail/{mail_id}").text
    assert "Message-ID: &lt;1@localhost&gt;" in page.get(f"/mail/{mail_id}?view=source").text


@pytest.mark.parametrize("path", ["/mail/none", "/mail/../secret_key", "/mail/01795227605968161074-8ecbc93b/body"])
def test_unknown_mail_sink_paths_are_not_found(page: FlaskClient, path: str) -> None:
    assert page.get(path).status_code == 404


def test_foreign_host_header_is_rejected(page: FlaskClient) -> None:
    assert page.get("/messages.json", headers={"Host": "evil.example"}).status_code == 400
    assert page.get("/messages.json", headers={"Host": "localhost:5001"}).status_code == 200


@pytest.mark.parametrize("limit", ["9" * 30, "-1", "x", ""])
def test_invalid_limit_is_accepted(store: MailStore, page: FlaskClient, limit: str) -> None:
    store.add(a_mail(), ["ana@example.org"])
    assert page.get(f"/messages.json?limit={limit}").status_code == 200


def test_empty_mail_sink_shows_a_message(page: FlaskClient) -> None:
    assert "No email yet" in page.get("/").text


def test_full_disk_returns_a_temporary_smtp_error(store: MailStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "add", refuse)
    envelope: Any = SimpleNamespace(content=a_mail(), rcpt_tos=["ana@example.org"])
    answer = asyncio.run(Handler(store).handle_DATA(None, None, envelope))  # type: ignore[arg-type]
    assert answer.startswith("451 ")


def test_links_in_emails_are_detected_and_open_in_new_tabs() -> None:
    assert str(linked('<i> http://a.example/?a=1&b="x')).count("<a ") == 1
    assert "&lt;i&gt;" in linked("<i>")
    assert in_new_tabs("<html><HEAD lang=x><p>") == '<html><HEAD lang=x><base target="_blank"><p>'
    assert in_new_tabs("<p>") == '<base target="_blank"><p>'
