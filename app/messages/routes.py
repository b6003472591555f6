"""Doors (HTTP) of private messages."""

from __future__ import annotations

from flask import abort, current_app, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.errors import Refused
from app.extensions import db
from app.messages import actions, bp, queries
from app.messages.forms import MessageForm, ReadForm
from app.models import User
from app.queries import people
from app.web import limits
from app.web.answers import wants_json
from app.web.form_keys import new_form_key
from app.web.paging import before_id, page_size, position
from app.web.refusals import say_no
from app.web.viewer import viewer


def person_or_404(username: str) -> User:
    """The other person of a conversation."""
    return people.by_username(username) or abort(404)


@bp.get("/messages")
@login_required
def inbox() -> str:
    """All conversations, by latest message."""
    rows, older = queries.inbox(viewer(), before_id(), page_size())
    return render_template("messages/inbox.html", rows=rows, older=older)


@bp.get("/messages/<username>")
@login_required
def conversation(username: str) -> str | Response:
    """The thread with one person, newest at the bottom. Showing it reads nothing: the page says what it rendered."""
    other = person_or_404(username)
    if other.id == viewer().id:
        return redirect(url_for("messages.inbox"))
    return _show(other, MessageForm(formdata=None))


@bp.get("/messages/<username>/new")
@login_required
def new_messages(username: str) -> str:
    """The bubbles after number ?after=, for a thread that is open."""
    other = person_or_404(username)
    thread = queries.after(viewer(), other, position("after") or 0)
    return render_template("messages/_bubbles.html", other=other, thread=thread)


@bp.get("/send_message/<recipient>")
@login_required
def compose(recipient: str) -> Response:
    """The tutorial's address of the form: the form is at the foot of the conversation."""
    return redirect(url_for("messages.conversation", username=person_or_404(recipient).username))


@bp.post("/send_message/<recipient>")
@login_required
@limits.messaging
def send(recipient: str) -> str | Response | tuple[str, int]:
    """Send a message. What the page had rendered counts as read; a refusal keeps the text."""
    other, form = person_or_404(recipient), MessageForm(request.form)
    if not form.validate_on_submit():
        return _show(other, form), 422
    body, key, longest = form.message.data or "", form.form_key.data, current_app.config["MESSAGE_MAX_LENGTH"]
    try:
        actions.send_message(viewer(), other, body, form_key=key, max_length=longest)
    except Refused as refusal:
        say_no(refusal)
        return _show(other, form), 422
    _mark_read(other, form.read_upto.data or 0)
    db.session.commit()
    return redirect(url_for("messages.conversation", username=other.username), 303)


@bp.post("/messages/<username>/read")
@login_required
def mark_read(username: str) -> Response | tuple[str, int]:
    """Messages up to number `seq` were rendered to the viewer."""
    other, form = person_or_404(username), ReadForm(request.form)
    if not form.validate_on_submit():
        abort(400)
    _mark_read(other, form.seq.data or 0)
    db.session.commit()
    if wants_json() or request.headers.get("X-Requested-With"):
        return "", 204
    return redirect(url_for("messages.conversation", username=other.username), 303)


def _mark_read(other: User, seq: int) -> None:
    found = queries.between(viewer(), other)
    if found is not None and seq:
        actions.mark_read(viewer(), found, seq)


def _show(other: User, form: MessageForm) -> str:
    thread = queries.thread(viewer(), other, before=before_id())
    if form.form_key.data is None:
        form.form_key.data = new_form_key()
    return render_template("messages/conversation.html", other=other, thread=thread, form=form)
