"""Routes for members: reporting messages, a post or a person, and the receipt of a report."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, flash, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import _
from app.models import Message, Post, Report, User
from app.moderation import actions, bp, evidence, evidence_images, queries, report_page
from app.moderation.forms import ReportForm, Selection, read_selection
from app.queries import members, people, relations
from app.web import limits
from app.web.paging import Page, cut
from app.web.responses import flash_error
from app.web.url_converters import ID
from app.web.viewer import viewer, write_transaction, writes_late

PAGE = 30  # messages per page of the form


@bp.route(f"/report/<{ID}:conversation_id>", methods=["GET", "POST"])
@login_required
@limits.changing
@writes_late
def report(conversation_id: int) -> str | Response | tuple[str, int]:
    """Show the form for reporting messages of a conversation, or send the report.

    The selected messages stay selected when the member goes to another page of the form.
    """
    conversation = queries.conversation(viewer(), conversation_id) or abort(404)
    form, chosen = ReportForm(request.form), read_selection()
    if not form.is_submitted() or chosen.is_paging:
        return _page(conversation.id, form, chosen)
    if not form.validate():
        return _page(conversation.id, form, chosen), 422
    note, key = form.note.data or "", form.form_key.data
    try:
        with write_transaction():
            sent = actions.report(
                viewer(), conversation.id, chosen.seqs, note, form_key=key, fingerprint=evidence_images.fingerprint
            )
    except ActionError as refusal:
        flash_error(refusal)
        return _page(conversation_id, form, chosen), 422
    flash(_("Report sent. Moderators can only see the messages you selected."), "success")
    return redirect(url_for("moderation.receipt", report_id=sent.id), 303)


@bp.get(f"/report/receipt/<{ID}:report_id>")
@login_required
def receipt(report_id: int) -> str:
    """Show the viewer's own report: the reported content, the signature, and whether the report has been resolved."""
    found = _own_or_404(report_id)
    return render_template("moderation/receipt.html", report=found, state=evidence.state(found))


@bp.get(f"/report/receipt/<{ID}:report_id>/sealed.json")
@login_required
def sealed(report_id: int) -> Response:
    """Serve the signed text of the viewer's own report with its signature."""
    return report_page.signed_file(_own_or_404(report_id), disclose=False)


def _own_or_404(report_id: int) -> Report:
    return queries.own_report(viewer(), report_id) or abort(404)


def _page(conversation_id: int, form: ReportForm, chosen: Selection) -> str:
    shown = _messages(viewer(), conversation_id, chosen.before)
    on_page = {message.seq for message in shown.items}
    conversation = queries.conversation(viewer(), conversation_id)
    senders = {message.sender_id for message in shown.items if message.sender_id is not None}
    in_group = conversation is not None and conversation.is_group
    return render_template(
        "moderation/report.html",
        conversation=conversation,
        folded=queries.blocked_by(viewer(), senders) if in_group else set(),
        others=members.others_in(viewer().id, [conversation_id]).get(conversation_id, []),
        form=form,
        messages=list(reversed(shown.items)),
        older=shown.older,
        chosen=chosen,
        elsewhere=sorted(set(chosen.seqs) - on_page),
    )


def _messages(person: User, conversation_id: int, before: int | None) -> Page[Message]:
    select = queries.reportable(person, conversation_id)
    if before is not None:
        select = select.where(Message.seq < before)
    return cut(select.order_by(Message.seq.desc()).limit(PAGE + 1), size=PAGE, of=lambda message: message.seq)


Answer = str | Response | tuple[str, int]


@bp.route(f"/report/post/<{ID}:post_id>", methods=["GET", "POST"])
@login_required
@limits.changing
@writes_late
def report_post(post_id: int) -> Answer:
    """Report a post. The response is 404 if the viewer is its author or can't see it."""
    _post_or_404(post_id)

    def send(form: ReportForm) -> Report:
        images = evidence_images.copied_images(viewer(), _post_or_404(post_id))
        with images as copies, write_transaction():
            post, note = _post_or_404(post_id), form.note.data or ""
            key, seen = form.form_key.data, form.revision.data
            return actions.report_post(viewer(), post, note, form_key=key, revision=seen, pictures=copies)

    return _answer(send, lambda form: _post_page(form, _post_or_404(post_id)))


@bp.route("/report/person/<username>", methods=["GET", "POST"])
@login_required
@limits.changing
@writes_late
def report_person(username: str) -> Answer:
    """Report a person for their profile. The response is 404 for the viewer's own profile."""
    _person_or_404(username)

    def send(form: ReportForm) -> Report:
        key, avatar = form.form_key.data, evidence_images.copied_avatar(viewer(), _person_or_404(username))
        with avatar as copies, write_transaction():
            person = _person_or_404(username)
            return actions.report_person(viewer(), person, form.note.data or "", form_key=key, pictures=copies)

    return _answer(send, lambda form: _person_page(form, _person_or_404(username)))


def _answer(send: Callable[[ReportForm], Report], page: Callable[[ReportForm], str]) -> Answer:
    """Show the report form. When the form is submitted, send the report and redirect to its receipt.

    `send` creates the report, and `page` renders the form. If the report is refused, the form is shown again with the
    entered text.
    """
    form = ReportForm(request.form)
    if not form.is_submitted():
        return page(form)
    if not form.validate():
        return page(form), 422
    try:
        sent = send(form)
    except ActionError as refusal:
        flash_error(refusal)
        return page(form), 422
    flash(_("Report sent."), "success")
    return redirect(url_for("moderation.receipt", report_id=sent.id), 303)


def _post_page(form: ReportForm, post: Post) -> str:
    return render_template("moderation/report_post.html", form=form, post=post)


def _person_page(form: ReportForm, person: User) -> str:
    relation = relations.between(viewer().id, person.id)
    return render_template("moderation/report_person.html", form=form, person=person, relation=relation)


def _post_or_404(post_id: int) -> Post:
    post = queries.post(viewer(), post_id)
    return post if post is not None and post.author_id != viewer().id else abort(404)


def _person_or_404(username: str) -> User:
    person = people.by_username(username)
    return person if person is not None and person.id != viewer().id else abort(404)
