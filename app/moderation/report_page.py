"""Helpers shared by the routes of reports: load a report, render its page, and serve the signed text as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, make_response, render_template
from werkzeug.wrappers import Response

from app.core import roles
from app.models import Report, ReportedMessage
from app.moderation import evidence, evidence_images, queries
from app.moderation.actions.rules import MAX_LENGTH
from app.moderation.forms import NoteForm
from app.web.url_converters import ID
from app.web.viewer import viewer

REPORT = f"/moderation/<{ID}:report_id>"


@dataclass(frozen=True)
class Picture:
    """An image in the evidence of a report."""

    number: int  # counted from 0 across all items of the report
    alt: str
    is_whole: bool  # the file has not changed since the report


@dataclass(frozen=True)
class EvidenceItem:
    """A reported item (message, post or profile) as a moderator sees it."""

    message: ReportedMessage
    pictures: list[Picture]


def report_or_404(report_id: int) -> Report:
    """Return the report with that id. Aborts with 404 if the report doesn't exist or involves the viewer."""
    return queries.get_visible(viewer(), report_id) or abort(404)


def viewed_report_or_404(report_id: int) -> Report:
    """Return the report with that id.

    Aborts with 404 if the report doesn't exist, if it involves the viewer, or if the viewer has not opened its
    evidence.
    """
    report = report_or_404(report_id)
    return report if queries.has_viewed_evidence(viewer(), report) else abort(404)


def signed_file(report: Report, *, disclose: bool) -> Response:
    """Return a download of the signed text with its signature.

    If `disclose` is true, the file also contains the content that the reporter may not see.
    """
    response = make_response(evidence.document(report, disclose=disclose))
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="report-{report.id}.json"'
    response.headers["Cache-Control"] = "no-store"
    return response


def page(report_id: int, said: Mapping[str, str] | None = None) -> str:
    """Render a report for a moderator.

    If an action was refused, `said` maps the action's endpoint to the text that the moderator had entered in its form.
    """
    report = report_or_404(report_id)
    looked = queries.has_viewed_evidence(viewer(), report)
    accused, history = report.accused, queries.history(report)
    has_post, can_open_post = queries.reported_post(viewer(), report) if report.kind == "post" else (False, False)
    return render_template(
        "moderation/case.html",
        report=report,
        number=len(report.evidence),
        evidence_items=_evidence_items(report) if looked else None,
        state=evidence.state(report) if looked else None,
        has_post=has_post,
        can_open_post=can_open_post,
        history=history,
        is_warned=any(entry.action == "warned" for entry in history),
        is_mine=report.assignee_id in {None, viewer().id},
        can_moderate=accused is not None and roles.can_moderate(viewer().role, accused.role),
        form=NoteForm(formdata=None),
        said=said or {},
        most=MAX_LENGTH,
    )


def _evidence_items(report: Report) -> list[EvidenceItem]:
    evidence_items, number = [], 0
    for message in report.evidence:
        shown = [_picture(number + place, image) for place, image in enumerate(message.images)]
        evidence_items.append(EvidenceItem(message, shown))
        number += len(shown)
    return evidence_items


def _picture(number: int, image: Mapping[str, Any]) -> Picture:
    is_whole = image["sha256"] != "" and evidence_images.fingerprint(image["file"]) == image["sha256"]
    return Picture(number, image["alt"], is_whole)
