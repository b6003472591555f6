"""What the doors of a conversation share: opening it for the viewer, its addresses, and showing it."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, render_template, url_for

from app.messages import permission
from app.messages.forms import MessageForm
from app.messages.permission import Verdict
from app.messages.queries import states, threads
from app.messages.queries.threads import Opened, Thread
from app.messages.windows import CHANGE_WITHIN, UNDO_WITHIN
from app.text.names import username_key
from app.web.form_keys import new_form_key
from app.web.paging import before_id
from app.web.viewer import viewer

THREAD = "/messages/thread/<int(max=2147483647):conversation_id>"  # more than an INTEGER column holds is no id


def opened_or_404(username: str = "", conversation_id: int = 0) -> Opened:
    """The viewer's conversation with the person of that name, or the one of that id if they are in it."""
    if username and username_key(username) == viewer().username_key:
        abort(redirect(url_for("messages.inbox")))  # nobody writes to themselves
    found = threads.by_id(viewer(), conversation_id) if conversation_id else threads.with_person(viewer(), username)
    return found or abort(404)


def address(opened: Opened) -> str:
    """Where the conversation is: under the other one's name, or under its id."""
    if opened.other is not None:
        return url_for("messages.conversation", username=opened.other.username)
    if opened.conversation is None:
        return url_for("messages.inbox")
    return url_for("messages.conversation", conversation_id=opened.conversation.id)


def verdict_of(opened: Opened) -> Verdict:
    """May the viewer write here?"""
    if opened.is_group:
        return Verdict("open")
    return permission.verdict(opened.terms) if opened.terms else Verdict("refused", permission.GONE)


def show(opened: Opened, form: MessageForm) -> str:
    """The page of a conversation, with the form as it was filled in, or with what was being written."""
    thread = threads.newest(opened, before=before_id())
    if form.form_key.data is None:
        form.form_key.data = new_form_key()
    if form.message.data is None and opened.mine:
        form.message.data = opened.mine.draft
    return render_template(
        "messages/conversation.html", form=form, verdict=verdict_of(opened), **_context(opened, thread)
    )


def bubbles(opened: Opened, *, after: int, revision: int, first: int) -> str:
    """What an open page does not show yet: new messages, and what changed of the ones it shows."""
    thread = threads.since(opened, after, revision, first=first)
    return render_template("messages/_news.html", **_context(opened, thread))


def _context(opened: Opened, thread: Thread) -> dict[str, Any]:
    """What the bubbles of a thread need."""
    delivered, read = states.receipts(viewer(), opened.others, opened.apart)
    return {
        "opened": opened,
        "other": opened.other,
        "thread": thread,
        "delivered": delivered,
        "read": read,
        "undo_within": UNDO_WITHIN.total_seconds(),
        "change_within": CHANGE_WITHIN.total_seconds(),
    }
