"""Routes of the inbox and of a conversation.

The URL of a conversation between two users contains the other user's name. The URL of a group contains its id.
"""

from __future__ import annotations

from dataclasses import replace

from flask import abort, jsonify, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.messages import actions, bp, conversation_responses
from app.messages.actions import membership
from app.messages.actions.sending import SendOptions
from app.messages.conversation_responses import THREAD, get_conversation_or_404
from app.messages.forms import DeliveredForm, DraftForm, MessageForm, ReadForm
from app.messages.permission import ACCOUNT_DELETED
from app.messages.queries import inbox as conversations
from app.messages.queries.conversations import ConversationView
from app.models import User
from app.web import limits
from app.web.paging import before_id, page_size, position
from app.web.responses import flash_error
from app.web.viewer import viewer, write_transaction, writes_late


@bp.get("/messages")
@login_required
def inbox() -> str:
    """Show the viewer's conversations, latest message first."""
    found = conversations.page(viewer(), before_id(), page_size())
    return render_template("messages/inbox.html", inbox=found)


@bp.get("/messages/<username>")
@bp.get(THREAD)
@login_required
def conversation(username: str = "", conversation_id: int = 0) -> str | Response:
    """Show a conversation, newest message at the bottom.

    This marks no message as read. Instead, the page reports which messages it has shown (see `mark_read`).
    """
    opened = get_conversation_or_404(username, conversation_id)
    if conversation_id and opened.other is not None:
        return redirect(conversation_responses.conversation_url(opened))
    return conversation_responses.show(opened, MessageForm(formdata=None))


@bp.get("/messages/<username>/new")
@bp.get(f"{THREAD}/new")
@login_required
def new_messages(username: str = "", conversation_id: int = 0) -> str:
    """Return the HTML of the messages that an open page does not show yet.

    These are the messages after sequence number ?after=, and the messages from sequence number ?first= on that changed
    after ?revision=.
    """
    numbers = {name: position(name) or 0 for name in ("after", "revision", "first")}
    return conversation_responses.bubbles(get_conversation_or_404(username, conversation_id), **numbers)


@bp.get("/send_message/<recipient>")
@login_required
def compose(recipient: str) -> Response:
    """Redirect to the conversation, which contains the message form.

    In the Flask Mega-Tutorial, this URL shows a page with only the form.
    """
    return redirect(conversation_responses.conversation_url(get_conversation_or_404(recipient)))


@bp.post("/send_message/<recipient>")
@bp.post(f"{THREAD}/send")
@login_required
@limits.messaging
@limits.uploading
@writes_late
def send(recipient: str = "", conversation_id: int = 0) -> str | Response | tuple[str, int]:
    """Send a message. Also mark the messages up to the sequence number in the form field `read_upto` as read.

    If the message is refused, show the form again with the submitted text.
    """
    person = conversation_responses.recipient_or_404(recipient) if recipient else None
    opened, form = None if person else get_conversation_or_404("", conversation_id), MessageForm(request.form)
    try:
        if form.validate_on_submit():
            options = replace(conversation_responses.send_options(form), read_upto=form.read_upto.data or 0)
            with write_transaction(check=False):  # the actions check the login with everything else
                url = _send(person, opened, form.message.data or "", options)
            return redirect(url, 303)
    except ActionError as refusal:
        flash_error(refusal)
    return conversation_responses.show(opened or get_conversation_or_404(recipient, found=person), form), 422


@bp.post("/messages/<username>/read")
@bp.post(f"{THREAD}/read")
@login_required
@writes_late
def mark_read(username: str = "", conversation_id: int = 0) -> Response | tuple[str, int]:
    """Mark the messages up to the sequence number in the form field `seq` as read by the viewer."""
    opened, form = get_conversation_or_404(username, conversation_id), ReadForm(request.form)
    if not form.validate_on_submit():
        abort(400)
    with write_transaction():
        if opened.conversation is not None and form.seq.data:
            actions.mark_read(viewer(), opened.conversation, form.seq.data)
    return conversation_responses.action_response(opened)


@bp.get("/messages/<username>/draft")
@bp.get(f"{THREAD}/draft")
@login_required
def draft(username: str = "", conversation_id: int = 0) -> Response:
    """Return the viewer's draft in a conversation, as JSON."""
    mine = get_conversation_or_404(username, conversation_id).mine
    return jsonify(text=mine.draft if mine else "")


@bp.post("/messages/<username>/draft")
@bp.post(f"{THREAD}/draft")
@login_required
@limits.drafting
@writes_late
def save_draft(username: str = "", conversation_id: int = 0) -> Response | tuple[str, int]:
    """Save the viewer's draft, unless they have sent a message since the page was rendered."""
    opened, form = get_conversation_or_404(username, conversation_id), DraftForm(request.form)
    if not form.validate_on_submit():
        abort(400)
    with write_transaction():
        membership.save_draft(viewer(), opened, form.message.data or "", own_seq=form.own_seq.data or 0)
    return conversation_responses.action_response(opened)


@bp.post("/messages/delivered")
@login_required
@writes_late
def mark_delivered() -> tuple[str, int]:
    """Mark messages as delivered: those that polls of the viewer have returned up to the submitted `timestamp`."""
    form = DeliveredForm(request.form)
    if not form.validate_on_submit():
        abort(400)
    with write_transaction():
        actions.mark_delivered(viewer(), float(form.timestamp.data or 0.0))
    return "", 204


def _send(person: User | None, opened: ConversationView | None, body: str, options: SendOptions) -> str:
    """Send a message to a person, or else to an open conversation. Return the URL of the conversation."""
    person = person or (opened.other if opened else None)
    if person is not None:
        actions.send_message(viewer(), person, body, options)
        return url_for("messages.conversation", username=person.username)
    if opened is None or opened.conversation is None or not opened.is_group:
        raise ActionError(ACCOUNT_DELETED)
    actions.send_to_group(viewer(), opened.conversation.id, body, options)
    return conversation_responses.conversation_url(opened)
