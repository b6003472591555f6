"""The mail sink's web page: a list of the emails, and for each its text, its HTML in a sandbox, and its source."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import islice
from typing import Any

from flask import Flask, Response, abort, current_app, jsonify, render_template, request
from flask_babel import format_date, format_datetime, format_time, get_locale
from markupsafe import Markup, escape

from app.catalogs.domain import CatalogBabel
from app.catalogs.loading import Catalogs
from app.config import ROOT
from app.core.i18n import SOURCE
from app.lib.locales import best_language, tag
from app.run.mail_sink.store import KEEP, Mail, MailStore

LISTED = 200  # emails on the page, and in /messages.json unless ?limit= is given
LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")
PAGE_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';" + (
    " frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The HTML of an email may contain styles and embedded images. It can't run scripts or load anything.
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self';" + (
    " sandbox allow-popups allow-popups-to-escape-sandbox"
)


def create_page(store: MailStore, catalogs: Catalogs | None = None) -> Flask:
    """Return the WSGI app that shows the emails in `store`, in the languages of `catalogs`."""
    page = Flask("mail_sink", template_folder=str(ROOT / "app/templates"), static_folder=str(ROOT / "app/static"))
    # Reject other host names. Otherwise, a website whose name resolves to 127.0.0.1 could read email (DNS rebinding).
    page.config["TRUSTED_HOSTS"] = ["127.0.0.1", "localhost", "[::1]"]
    page.extensions["catalogs"] = catalogs or Catalogs()
    CatalogBabel(page, locale_selector=_language)
    page.add_template_filter(linked)

    @page.after_request
    def guard(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response

    @page.context_processor
    def facts() -> dict[str, Any]:
        locale = get_locale() or SOURCE
        direction = getattr(locale, "text_direction", "ltr")
        return {"lang": tag(str(locale)), "dir": direction, "when": _when, "when_short": _when_short}

    @page.get("/")
    def index() -> str:
        return render_template("mail_sink/page.html", mails=list(islice(store.newest(), LISTED)), mail=None)

    @page.get("/mail/<mail_id>")
    def show(mail_id: str) -> str:
        mail = store.get(mail_id) or abort(404)
        view = request.args.get("view", "html" if mail.html else "text")
        mails = list(islice(store.newest(), LISTED))
        return render_template("mail_sink/page.html", mails=mails, mail=mail, view=view)

    @page.get("/mail/<mail_id>/body")
    def body(mail_id: str) -> Response:
        mail = store.get(mail_id) or abort(404)
        return Response(in_new_tabs(mail.html), headers={"Content-Security-Policy": MAIL_POLICY})

    @page.get("/messages.json")
    def messages() -> Response:
        limit = min(max(request.args.get("limit", LISTED, type=int), 0), KEEP)
        return jsonify([as_json(mail) for mail in islice(store.newest(request.args.get("to", "")), limit)])

    return page


def as_json(mail: Mail) -> dict[str, Any]:
    """Return an email as a dict for /messages.json."""
    return {
        "id": mail.id,
        "to": list(mail.recipients),
        "from": mail.sender,
        "subject": mail.subject,
        "message_id": mail.message_id,
        "received_at": mail.received_at.isoformat(),
        "text": mail.text,
        "html": mail.html,
    }


def linked(text: str) -> Markup:
    """Convert plain text to HTML. URLs become links that open in a new tab."""
    parts = Markup("")
    end = 0
    for match in LINK.finditer(text):
        link = Markup('<a href="{0}" target="_blank" rel="noopener">{0}</a>').format(match[0])
        parts += escape(text[end : match.start()]) + link
        end = match.end()
    return parts + escape(text[end:])


def in_new_tabs(html: str) -> str:
    """Make the links in an email's HTML open in a new tab.

    The email is shown in a frame, and the site's pages refuse to be shown in a frame.
    """
    base = '<base target="_blank">'
    marked, count = re.subn(r"(?i)<head[^>]*>", lambda head: head[0] + base, html, count=1)
    return marked if count else base + html


def _language() -> str:
    offered = (SOURCE, *current_app.extensions["catalogs"].by_code)
    return best_language(request.accept_languages.values(), offered) or SOURCE


def _when(mail: Mail) -> str:
    """Format when an email arrived, in this machine's time zone."""
    return str(format_datetime(mail.received_at.astimezone(), "medium", rebase=False))


def _when_short(mail: Mail) -> str:
    """Format when an email arrived, for the list: the time if it arrived today, or else the date."""
    arrived = mail.received_at.astimezone()
    if arrived.date() == datetime.now().astimezone().date():
        return str(format_time(arrived, "short", rebase=False))
    return str(format_date(arrived, "medium", rebase=False))
