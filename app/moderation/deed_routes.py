"""Doors (HTTP) of what a moderator does about a report. Each deed is one entry of the log, or a sentence why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from app.core.errors import Refused
from app.core.i18n import _
from app.extensions import db
from app.moderation import actions, bp, showing
from app.moderation.forms import WordsForm
from app.moderation.showing import REPORT, report_or_404
from app.web import limits
from app.web.permissions import role_required
from app.web.refusals import say_no
from app.web.viewer import viewer

Answer = Response | tuple[str, int]


@bp.post(f"{REPORT}/assign")
@role_required("moderator")
@limits.changing
def assign(report_id: int) -> Answer:
    """Take a report."""
    return _act(report_id, actions.assign, _("You have taken this report."))


@bp.post(f"{REPORT}/release")
@role_required("moderator")
@limits.changing
def release(report_id: int) -> Answer:
    """Give a report back."""
    return _act(report_id, actions.release, _("Another moderator can take this report now."))


@bp.post(f"{REPORT}/resolve")
@role_required("moderator")
@limits.changing
def resolve(report_id: int) -> Answer:
    """Close a report, and say how it was decided."""
    return _act(report_id, actions.resolve, _("The report is resolved."), _words())


@bp.post(f"{REPORT}/warn")
@role_required("moderator")
@limits.changing
def warn(report_id: int) -> Answer:
    """Warn whom a report accuses."""
    return _act(report_id, actions.warn, _("The warning is on its way."), _words())


@bp.post(f"{REPORT}/remove_post")
@role_required("moderator")
@limits.changing
def remove_post(report_id: int) -> Answer:
    """Delete the post that a report is about."""
    return _act(report_id, actions.remove_post, _("The post is removed."), _words())


@bp.post(f"{REPORT}/suspend")
@role_required("moderator")
@limits.changing
def suspend(report_id: int) -> Answer:
    """Close the account of whom a report accuses."""
    return _act(report_id, _suspend, _("The account is suspended."))


@bp.post(f"{REPORT}/reinstate")
@role_required("moderator")
@limits.changing
def reinstate(report_id: int) -> Answer:
    """Open it again."""
    return _act(report_id, _reinstate, _("The account is open again."))


def _suspend(moderator: Any, report_id: int) -> None:
    actions.suspend(moderator, report_or_404(report_id).accused_id, report_id=report_id)


def _reinstate(moderator: Any, report_id: int) -> None:
    actions.reinstate(moderator, report_or_404(report_id).accused_id, report_id=report_id)


def _act(report_id: int, act: Callable[..., None], done: str, *words: str) -> Answer:
    """Do it and commit once; when it is refused, show the page again with what was written."""
    report_or_404(report_id)
    try:
        act(viewer(), report_id, *words)
        db.session.commit()
    except Refused as refusal:
        say_no(refusal)
        return showing.page(report_id, {request.endpoint or "": "".join(words)}), 422
    flash(done, "success")
    return redirect(url_for("moderation.show", report_id=report_id), 303)


def _words() -> str:
    form = WordsForm(request.form)
    return (form.words.data or "")[:20_000]
