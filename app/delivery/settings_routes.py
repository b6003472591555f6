"""Routes of the notification settings: the delivery grid, quiet hours, digests, sender filters and the pause."""

from __future__ import annotations

from datetime import datetime

from flask import flash, redirect, render_template, url_for
from flask_babel import to_user_timezone
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import _
from app.core.time import now
from app.delivery import actions, bp
from app.delivery.forms import COUNTED_ELSEWHERE, DeliveryForm
from app.models import DeliveryProfile
from app.notifications import preferences, quiet_hours
from app.notifications.kinds import configurable_kinds
from app.web import limits
from app.web.responses import flash_error, go_back
from app.web.viewer import viewer, visit, write_transaction, writes_late

DAY = 24 * 60  # minutes


@bp.route("/notification_settings", methods=["GET", "POST"])
@login_required
@limits.changing
@writes_late
def settings() -> str | Response | tuple[str, int]:
    """Show or save the viewer's notification settings. After an error, show the form again with the input."""
    person = viewer()
    profile = preferences.profile(person.id)
    form = DeliveryForm.of(preferences.grid(person.id), profile, configurable_kinds(person.role))
    if not form.is_submitted():
        return _page(form, profile)
    try:
        if form.validate():
            with write_transaction():
                actions.save_grid(person, form.grid)
                actions.save_profile(person, form.change)
            flash(_("Changes saved."), "success")
            return redirect(url_for("delivery.settings"), 303)
    except ActionError as refusal:
        flash_error(refusal)
    return _page(form, profile), 422


@bp.post("/notification_settings/pause")
@login_required
@limits.changing
@writes_late
def pause() -> Response:
    """Pause email, push and sounds for two hours."""
    with write_transaction():
        actions.pause(viewer())
    return _back()


@bp.post("/notification_settings/resume")
@login_required
@limits.changing
@writes_late
def resume() -> Response:
    """End the pause of email, push and sounds."""
    with write_transaction():
        actions.resume(viewer())
    return _back()


@bp.app_template_global("paused_until")
def paused_until() -> datetime | None:
    """Return the time until which the viewer has paused notifications; None if there is no pause. Runs no query."""
    found = visit()
    until = found.profile.paused_until if found and found.profile else None
    return until if until and until > now() else None


def _back() -> Response:
    return go_back(url_for("delivery.settings"))


def _page(form: DeliveryForm, profile: DeliveryProfile) -> str:
    moment = now()
    quiet_until = quiet_hours.next_allowed(preferences.hours(viewer(), profile), moment)
    return render_template(
        "notifications/settings.html",
        form=form,
        kinds=configurable_kinds(viewer().role),
        counted_elsewhere=COUNTED_ELSEWHERE,
        quiet_until=quiet_until if quiet_until > moment else None,
        nights=_quiet_segments(profile.quiet_from, profile.quiet_until),
        digest_at=profile.digest_at,
        minute_now=_minute(moment),
    )


def _quiet_segments(begin: int | None, end: int | None) -> list[tuple[int, int]]:
    """Return the quiet hours as ranges of one day, in minutes: (start, length). Two ranges if they span midnight."""
    if begin is None or end is None:
        return []
    return [(begin, end - begin)] if begin < end else [(0, end), (begin, DAY - begin)]


def _minute(moment: datetime) -> int:
    """Return the minutes since midnight in the viewer's time zone."""
    local = to_user_timezone(moment)
    return int(local.hour * 60 + local.minute)
