"""Routes that report a post or a person. The page shows what will be sent to the moderators."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, flash, redirect, render_template, request, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.errors import Refused
from app.core.i18n import _
from app.extensions import db
from app.models import Post, Report, User
from app.moderation import actions, bp, pictures, queries
from app.moderation.forms import ReportForm
from app.queries import people, relations
from app.web import limits
from app.web.addresses import ID
from app.web.refusals import say_no
from app.web.viewer import viewer

Answer = str | Response | tuple[str, int]


@bp.route(f"/report/post/<{ID}:post_id>", methods=["GET", "POST"])
@login_required
@limits.changing
def report_post(post_id: int) -> Answer:
    """Report a post. Who can't see it gets 404, and so does its author."""
    post = _post_or_404(post_id)

    def send(form: ReportForm) -> Report:
        return actions.report_post(viewer(), post, form.note.data or "", form_key=form.form_key.data)

    return _answer(send, lambda form: _post_page(form, _post_or_404(post_id)))


@bp.route("/report/person/<username>", methods=["GET", "POST"])
@login_required
@limits.changing
def report_person(username: str) -> Answer:
    """Report a person for their profile. Nobody can report themselves."""
    person = _person_or_404(username)

    def send(form: ReportForm) -> Report:
        copies = pictures.copy_avatar(person)
        key = form.form_key.data
        return actions.report_person(viewer(), person, form.note.data or "", form_key=key, pictures=copies)

    return _answer(send, lambda form: _person_page(form, _person_or_404(username)))


def _answer(send: Callable[[ReportForm], Report], page: Callable[[ReportForm], str]) -> Answer:
    """Show the form, or send the report and lead to its receipt. A refusal keeps what was written."""
    form = ReportForm(request.form)
    if not form.is_submitted():
        return page(form)
    if not form.validate():
        return page(form), 422
    try:
        sent = send(form)
        db.session.commit()
    except Refused as refusal:
        say_no(refusal)
        return page(form), 422
    flash(_("Your report is sent."), "success")
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
