"""Routes for listing, accepting and declining message requests, and for muting conversations."""

from __future__ import annotations

from flask import abort, flash, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import _
from app.messages import bp, conversation_responses
from app.messages.actions import membership
from app.messages.conversation_responses import THREAD, get_conversation_or_404
from app.messages.forms import MuteForm
from app.messages.queries import inbox as conversations
from app.messages.queries.conversations import ConversationView
from app.models import MemberState
from app.web import limits
from app.web.paging import before_id, page_size
from app.web.responses import flash_error, go_back
from app.web.viewer import viewer, write_transaction, writes_late


@bp.get("/messages/requests")
@login_required
def requests() -> str:
    """Show the pending message requests, latest message first. With ?declined=1, show the declined ones."""
    is_declined = request.args.get("declined") == "1"
    state = MemberState.DECLINED if is_declined else MemberState.REQUEST
    found = conversations.requests_page(viewer(), before_id(), page_size(), state=state)
    return render_template("messages/requests.html", inbox=found, is_declined=is_declined)


@bp.post(f"{THREAD}/accept")
@login_required
@limits.changing
@writes_late
def accept(conversation_id: int) -> Response:
    """Accept a message request. The conversation then appears in the inbox."""
    opened = get_conversation_or_404(conversation_id=conversation_id)
    with write_transaction():
        accepted = membership.accept(viewer(), conversation_id)
    if accepted:
        flash(_("Request accepted."), "success")
    return _to_thread(opened)


@bp.post(f"{THREAD}/decline")
@login_required
@limits.changing
@writes_late
def decline(conversation_id: int) -> Response:
    """Decline a message request. The sender isn't notified."""
    get_conversation_or_404(conversation_id=conversation_id)
    with write_transaction():
        declined = membership.decline(viewer(), conversation_id)
    if declined:
        flash(_("Request declined. They won't be notified."), "success")
    return go_back(url_for("messages.requests"))


@bp.post(f"{THREAD}/mute")
@login_required
@limits.changing
@writes_late
def mute(conversation_id: int) -> Response:
    """Mute a conversation for `hours` hours. If `hours` is empty, the conversation stays muted until it is unmuted."""
    opened, form = get_conversation_or_404(conversation_id=conversation_id), MuteForm(request.form)
    if not form.validate_on_submit():
        abort(400)
    try:
        with write_transaction():
            membership.mute(viewer(), conversation_id, form.hours.data)
    except ActionError as refusal:
        flash_error(refusal)
        return _to_thread(opened)
    flash(_("Conversation muted. You'll still receive messages."), "success")
    return _to_thread(opened)


@bp.post(f"{THREAD}/unmute")
@login_required
@limits.changing
@writes_late
def unmute(conversation_id: int) -> Response:
    """Unmute a conversation. Its unread messages count in the badge again."""
    opened = get_conversation_or_404(conversation_id=conversation_id)
    with write_transaction():
        unmuted = membership.unmute(viewer(), conversation_id)
    if unmuted:
        flash(_("Conversation unmuted."), "success")
    return _to_thread(opened)


def _to_thread(opened: ConversationView) -> Response:
    return go_back(conversation_responses.conversation_url(opened))
