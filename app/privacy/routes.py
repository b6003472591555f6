"""Routes that block and mute people, and the page of privacy settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from babel.dates import format_timedelta
from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core import mute_duration
from app.core.exceptions import ActionError
from app.core.i18n import Lazy, _, _l, isolated, languages
from app.lib.text.languages import as_language, language_names
from app.models import User, Visibility
from app.privacy import actions, bp, queries
from app.privacy.forms import MuteForm, PrivacyForm
from app.queries import people, relations
from app.queries.relations import Relation
from app.web import limits
from app.web.paging import page_size, position
from app.web.responses import flash_error, go_back
from app.web.viewer import viewer, write_transaction, writes_late


class Reading(NamedTuple):
    """The languages that the viewer can choose from: those with a checkbox as (code, name, is chosen), and the others.

    The viewer's own languages, that of the page and those of the site have a checkbox.
    """

    offered: list[tuple[str, str, bool]]
    others: list[tuple[str, str]]


@bp.post("/block/<username>")
@login_required
@limits.changing
@writes_late
def block(username: str) -> Response:
    """Block a user. The user isn't notified."""
    return _change(username, lambda person: actions.block(viewer(), person), _l("You blocked %(name)s."))


@bp.post("/unblock/<username>")
@login_required
@limits.changing
@writes_late
def unblock(username: str) -> Response:
    """Unblock a user."""
    return _change(username, lambda person: actions.unblock(viewer(), person), _l("You unblocked %(name)s."))


@bp.post("/mute/<username>")
@login_required
@limits.changing
@writes_late
def mute(username: str) -> Response:
    """Mute a user for `hours` hours. If `hours` is empty, the mute has no end.

    The user isn't notified.
    """
    form = MuteForm(request.form)
    if not form.validate_on_submit():
        abort(400)
    hours = form.hours.data
    return _change(username, lambda person: actions.mute(viewer(), person, hours), _l("You muted %(name)s."))


@bp.post("/unmute/<username>")
@login_required
@limits.changing
@writes_late
def unmute(username: str) -> Response:
    """Unmute a user. What they did during the mute becomes visible."""
    return _change(username, lambda person: actions.unmute(viewer(), person), _l("You unmuted %(name)s."))


@bp.route("/privacy", methods=["GET", "POST"])
@login_required
@limits.changing
@writes_late
def settings() -> str | Response | tuple[str, int]:
    """Show and save the privacy settings, and list blocked and muted users."""
    person, form = viewer(), PrivacyForm(obj=viewer())
    if not form.is_submitted():
        form.post_visibility.data = person.post_visibility or current_app.config["POST_VISIBILITY"]
        return _page(form)
    try:
        if form.validate():
            choice, level = form.message_privacy.data or "", form.post_visibility.data or ""
            if level == current_app.config["POST_VISIBILITY"] == Visibility.MEMBERS:
                # Members who keep the site's default follow it when it changes, but only to a narrower level.
                level = ""
            with write_transaction():
                actions.save_settings(
                    person,
                    message_privacy=choice,
                    receipts=bool(form.receipts.data),
                    post_visibility=level,
                )
            flash(_("Changes saved."), "success")
            return redirect(url_for("privacy.settings"), 303)
    except ActionError as refusal:
        flash_error(refusal)
    return _page(form), 422


@bp.post("/privacy/languages")
@login_required
@limits.changing
@writes_late
def save_languages() -> Response:
    """Save the languages that the viewer reads. The form has a checkbox for likely ones, and a list to add another."""
    try:
        with write_transaction():
            actions.save_reading_languages(viewer(), [code for code in request.form.getlist("reading") if code])
        flash(_("Changes saved."), "success")
    except ActionError as refusal:
        flash_error(refusal)
    return redirect(f"{url_for('privacy.settings')}#reading", 303)


@bp.app_template_global()
def relation_to(person: User) -> Relation:
    """Return the mutes and blocks between the viewer and a user. Runs one query.

    Templates call this function if their route does not pass the mutes and blocks.
    """
    return relations.between(viewer().id, person.id)


@bp.app_template_global()
def mute_times() -> list[tuple[int, str]]:
    """Return the durations that a user can choose for a mute, as pairs of hours and text, such as (24, "1 day")."""
    locale = get_locale() or "en"
    return [(hours, format_timedelta(timedelta(hours=hours), locale=locale)) for hours in mute_duration.HOURS]


def _page(form: PrivacyForm) -> str:
    size = page_size()
    blocked = queries.blocked(viewer(), position("blocked"), size)
    muted = queries.muted(viewer(), position("muted"), size)
    return render_template("privacy/settings.html", form=form, reading=_reading(viewer()), blocked=blocked, muted=muted)


def _reading(person: User) -> Reading:
    locale = str(get_locale() or "en")
    names, chosen = language_names(locale), person.reading_languages.split(",")
    likely = dict.fromkeys([*chosen, as_language(locale), *(as_language(code) for code in languages())])
    offered = sorted((code for code in likely if code in names), key=list(names).index)
    others = [(code, name) for code, name in names.items() if code not in offered]
    return Reading([(code, names[code], code in chosen) for code in offered], others)


def _change(username: str, change: Callable[[User], object], done: Lazy) -> Response:
    try:
        with write_transaction():
            person = people.by_username(username) or abort(404)
            change(person)
        flash(done.filled(name=isolated(person.display_name)), "success")
    except ActionError as refusal:
        flash_error(refusal)
    return go_back(url_for("profiles.show", username=person.username))
