"""Helpers shared by the routes of a conversation: access control, URLs, arguments for sending, rendering."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, redirect, render_template, url_for
from werkzeug.wrappers import Response

from app.core.images import storage
from app.lib.text.names import username_key
from app.messages import permission
from app.messages.actions.sending import SendOptions
from app.messages.forms import GroupForm, MessageForm
from app.messages.permission import EDIT_WINDOW, UNDO_WINDOW, Decision
from app.messages.queries import conversation_state, conversations, message_pages
from app.messages.queries.conversations import ConversationView
from app.messages.queries.message_pages import Thread
from app.models import User
from app.web import attached_images
from app.web.paging import before_id
from app.web.responses import is_script, new_form_key
from app.web.url_converters import ID
from app.web.viewer import viewer

THREAD = f"/messages/thread/<{ID}:conversation_id>"


def get_conversation_or_404(
    username: str = "", conversation_id: int = 0, found: User | None = None
) -> ConversationView:
    """Return the viewer's conversation with the user `username`, or the conversation with the id `conversation_id`.

    Redirects to the inbox if `username` is the viewer's own. Aborts with 404 if there is no such user, or if the viewer
    is not a member of the conversation. `found` is the user that `recipient_or_404` has returned, if the route has
    called it before.
    """
    if conversation_id:
        return conversations.by_id(viewer(), conversation_id) or abort(404)
    _refuse_oneself(username)
    return conversations.with_person(viewer(), username, found=found) or abort(404)


def recipient_or_404(username: str) -> User:
    """Return the user to whom the viewer sends a message. Redirects and aborts as `get_conversation_or_404` does.

    This is faster, because it doesn't load the conversation.
    """
    _refuse_oneself(username)
    return conversations.person(viewer(), username) or abort(404)


def _refuse_oneself(username: str) -> None:
    if username_key(username) == viewer().username_key:
        abort(redirect(url_for("messages.inbox")))  # users can't message themselves


def conversation_url(opened: ConversationView) -> str:
    """Return the URL of the conversation, which contains the other user's name or the conversation's id.

    The URL contains the id for a group, and if the other user's account was deleted. If there is neither another user
    nor a conversation, return the URL of the inbox.
    """
    if opened.other is not None:
        return url_for("messages.conversation", username=opened.other.username)
    if opened.conversation is None:
        return url_for("messages.inbox")
    return url_for("messages.conversation", conversation_id=opened.conversation.id)


def action_response(opened: ConversationView) -> Response | tuple[str, int]:
    """Return the response after an action: status 204 to a script, otherwise a redirect to the conversation."""
    return ("", 204) if is_script() else redirect(conversation_url(opened), 303)


def send_options(form: MessageForm | GroupForm) -> SendOptions:
    """Store the images that were uploaded with the form, and return the options for sending the message.

    Raises ActionError if an image or an alt text is refused.
    """
    config = current_app.config
    return SendOptions(
        form_key=form.form_key.data,
        pictures=attached_images.take_from_request(storage("messages")),
        max_length=config["MESSAGE_MAX_LENGTH"],
        limited=config["RATELIMIT_ENABLED"],
    )


def decision_for(opened: ConversationView) -> Decision:
    """Decide whether the viewer may write in this conversation."""
    if opened.is_group:
        return Decision("allowed")
    return (
        permission.decide(opened.relationship)
        if opened.relationship
        else Decision("refused", permission.ACCOUNT_DELETED)
    )


def show(opened: ConversationView, form: MessageForm) -> str:
    """Render a conversation with the message form. If the form was not submitted, it contains the viewer's draft."""
    thread = message_pages.newest(opened, before=before_id())
    if form.form_key.data is None:
        form.form_key.data = new_form_key()
    if form.message.data is None and opened.mine:
        form.message.data = opened.mine.draft
    return render_template(
        "messages/conversation.html", form=form, verdict=decision_for(opened), **_context(opened, thread)
    )


def bubbles(opened: ConversationView, *, after: int, revision: int, first: int) -> str:
    """Render the messages that an open page does not show yet.

    These are the messages after sequence number `after`, and the messages from sequence number `first` on that changed
    after `revision`.
    """
    thread = message_pages.since(opened, after, revision, first=first)
    return render_template("messages/_updates.html", **_context(opened, thread))


def _context(opened: ConversationView, thread: Thread) -> dict[str, Any]:
    """Return the template variables for rendering the messages of `thread`."""
    delivered, read = conversation_state.receipts(viewer(), opened.others, opened.separated)
    return {
        "opened": opened,
        "other": opened.other,
        "thread": thread,
        "delivered": delivered,
        "read": read,
        "undo_within": UNDO_WINDOW.total_seconds(),
        "change_within": EDIT_WINDOW.total_seconds(),
        "sealed_for": current_app.config["SEALED_DAYS"] * 24 * 3600,
    }
