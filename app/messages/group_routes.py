"""Routes for starting a group, showing its members, renaming it, adding people, and leaving it."""

from __future__ import annotations

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import _
from app.messages import bp, composer_routes, conversation_responses
from app.messages.actions import groups
from app.messages.conversation_responses import THREAD, get_conversation_or_404
from app.messages.forms import AddForm, GroupForm, NameForm, people_named
from app.messages.queries import conversations, read_by
from app.messages.queries.conversations import ConversationView
from app.web import limits
from app.web.responses import flash_error
from app.web.viewer import viewer, write_transaction, writes_late


@bp.post("/messages/groups")
@login_required
@limits.messaging
@limits.uploading
@writes_late
def start_group() -> str | Response | tuple[str, int]:
    """Send the first message to one or several recipients. If it is refused, show the submitted form again."""
    form = GroupForm(request.form)
    if not form.validate_on_submit():
        return composer_routes.show_composer(form), 422
    try:
        people, name, body = people_named(form.to.data or ""), form.name.data or "", form.message.data or ""
        options = conversation_responses.send_options(form)
        with write_transaction():
            conversation = groups.start(viewer(), people, name, body, options)
    except ActionError as refusal:
        flash_error(refusal)
        return composer_routes.show_composer(form), 422
    return redirect(url_for("messages.conversation", conversation_id=conversation.id), 303)


@bp.get(f"{THREAD}/people")
@login_required
def people(conversation_id: int) -> str:
    """Show the members of a group, and who has read the viewer's latest messages."""
    return _show(_group_or_404(conversation_id), NameForm(formdata=None), AddForm(formdata=None))


@bp.post(f"{THREAD}/name")
@login_required
@limits.changing
@writes_late
def name_group(conversation_id: int) -> str | Response | tuple[str, int]:
    """Rename a group, or remove its name."""
    group, form = _group_or_404(conversation_id), NameForm(request.form)
    try:
        if not form.validate_on_submit():
            return _show(group, form, AddForm(formdata=None)), 422
        limited = current_app.config["RATELIMIT_ENABLED"]
        with write_transaction():
            groups.rename(viewer(), conversation_id, form.name.data or "", limited=limited)
    except ActionError as refusal:
        flash_error(refusal)
        return _show(_group_or_404(conversation_id), form, AddForm(formdata=None)), 422
    return _to_people(conversation_id)


@bp.post(f"{THREAD}/people")
@login_required
@limits.changing
@writes_late
def add_people(conversation_id: int) -> str | Response | tuple[str, int]:
    """Add people to a group."""
    group, form = _group_or_404(conversation_id), AddForm(request.form)
    try:
        if not form.validate_on_submit():
            return _show(group, NameForm(formdata=None), form), 422
        chosen = people_named(form.to.data or "")
        with write_transaction():
            groups.add(viewer(), conversation_id, chosen, limited=current_app.config["RATELIMIT_ENABLED"])
    except ActionError as refusal:
        flash_error(refusal)
        return _show(_group_or_404(conversation_id), NameForm(formdata=None), form), 422
    return _to_people(conversation_id)


@bp.post(f"{THREAD}/leave")
@login_required
@limits.changing
@writes_late
def leave_group(conversation_id: int) -> Response:
    """Leave a group. Do nothing if the viewer is not a member."""
    opened = conversations.by_id(viewer(), conversation_id)
    if opened is not None:
        try:
            with write_transaction():
                groups.leave(viewer(), conversation_id)
        except ActionError as refusal:
            flash_error(refusal)
            return redirect(conversation_responses.conversation_url(opened), 303)
        flash(_("You left the group."), "success")
    return redirect(url_for("messages.inbox"), 303)


def _group_or_404(conversation_id: int) -> ConversationView:
    opened = get_conversation_or_404(conversation_id=conversation_id)
    return opened if opened.is_group else abort(404)


def _show(opened: ConversationView, name_form: NameForm, add_form: AddForm) -> str:
    group = opened.conversation
    if group is not None and name_form.name.data is None:
        name_form.name.data = group.name
    page = {"opened": opened, "group": group, "name_form": name_form, "add_form": add_form}
    return render_template(
        "messages/members.html", **page, read_by=read_by.of_own_messages(opened), most=groups.MAX_MEMBERS
    )


def _to_people(conversation_id: int) -> Response:
    return redirect(url_for("messages.people", conversation_id=conversation_id), 303)
