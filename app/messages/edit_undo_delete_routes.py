"""Routes for unsending, editing and deleting messages."""

from __future__ import annotations

from datetime import timedelta

from flask import abort, current_app, flash, jsonify, redirect, render_template, request
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import _
from app.core.images import storage
from app.messages import bp, conversation_responses
from app.messages.actions import edit_undo_delete
from app.messages.conversation_responses import THREAD, get_conversation_or_404
from app.messages.forms import DeleteForm, EditForm
from app.messages.queries import message_pages
from app.messages.queries.conversations import ConversationView
from app.models import Message
from app.web import attached_images, limits
from app.web.responses import flash_error, is_script
from app.web.url_converters import ID
from app.web.viewer import viewer, write_transaction, writes_late

MESSAGE = f"{THREAD}/<{ID}:seq>"
Answer = Response | tuple[Response, int] | tuple[str, int]


@bp.post(f"{MESSAGE}/undo")
@login_required
@limits.changing
@writes_late
def undo(conversation_id: int, seq: int) -> Answer:
    """Unsend a recent message, and put its text into the viewer's draft."""
    opened = get_conversation_or_404(conversation_id=conversation_id)
    try:
        with write_transaction():
            undone = edit_undo_delete.undo(viewer(), conversation_id, seq, kept_for=_sealed_for())
    except LookupError:
        abort(404)
    except ActionError as refusal:
        return _show_error(opened, refusal)
    attached_images.remove(undone.files, storage("messages"))
    if is_script():
        return jsonify(text=undone.text, draft=undone.draft)
    flash(_("Message unsent. Your text is back in the message box."), "success")
    return redirect(conversation_responses.conversation_url(opened), 303)


@bp.get(f"{MESSAGE}/edit")
@login_required
def edit_page(conversation_id: int, seq: int) -> str:
    """Show the form for editing a message, for browsers without JavaScript."""
    opened, message = _own_or_404(conversation_id, seq)
    return _show_edit(opened, message, EditForm(formdata=None, message=message.body))


@bp.post(f"{MESSAGE}/edit")
@login_required
@limits.changing
@writes_late
def edit(conversation_id: int, seq: int) -> Answer:
    """Change the text of a message. If the edit is refused, show the form again with the new text."""
    opened, message = _own_or_404(conversation_id, seq)
    form, longest = EditForm(request.form), current_app.config["MESSAGE_MAX_LENGTH"]
    try:
        if not form.validate_on_submit():
            abort(400)
        with write_transaction():
            edit_undo_delete.edit(viewer(), conversation_id, seq, form.message.data or "", max_length=longest)
    except LookupError:
        abort(404)
    except ActionError as refusal:
        if is_script():
            return _show_error(opened, refusal)
        flash_error(refusal)
        return _show_edit(opened, message, form), 422
    return conversation_responses.action_response(opened)


@bp.post(f"{MESSAGE}/delete")
@login_required
@limits.changing
@writes_late
def delete(conversation_id: int, seq: int) -> Answer:
    """Delete a message for the viewer only, or for all members, who then see a note in its place.

    The form field `scope` is "me" or "everybody".
    """
    opened, form = get_conversation_or_404(conversation_id=conversation_id), DeleteForm(request.form)
    if not form.validate_on_submit():
        abort(400)
    files: list[str] = []
    try:
        with write_transaction():
            if form.scope.data == "me":
                edit_undo_delete.delete_for_me(viewer(), conversation_id, seq)
            else:
                files = edit_undo_delete.delete_for_everyone(viewer(), conversation_id, seq, kept_for=_sealed_for())
    except LookupError:
        abort(404)
    except ActionError as refusal:
        return _show_error(opened, refusal)
    attached_images.remove(files, storage("messages"))
    return conversation_responses.action_response(opened)


def _sealed_for() -> timedelta:
    """Return how long a deleted message can still be reported."""
    return timedelta(days=current_app.config["SEALED_DAYS"])


def _own_or_404(conversation_id: int, seq: int) -> tuple[ConversationView, Message]:
    """Return the conversation, and the viewer's own message with this sequence number.

    Aborts with 404 if the message was unsent or deleted, is an event such as a renaming, or is by another user.
    """
    opened = get_conversation_or_404(conversation_id=conversation_id)
    message = message_pages.message(viewer(), conversation_id, seq) or abort(404)
    if message.sender_id != viewer().id or message.kind != "text" or message.deleted_at is not None:
        abort(404)
    return opened, message


def _show_edit(opened: ConversationView, message: Message, form: EditForm) -> str:
    return render_template("messages/edit.html", opened=opened, message=message, form=form)


def _show_error(opened: ConversationView, refusal: ActionError) -> Answer:
    if not is_script():
        flash_error(refusal)
        return redirect(conversation_responses.conversation_url(opened), 303)
    return jsonify(error=str(refusal), status=422), 422
