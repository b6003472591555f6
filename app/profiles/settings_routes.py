"""The route on which members edit their own profile: texts, display settings and picture."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask_babel import refresh
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import _, languages
from app.profiles import actions, bp, picture_routes
from app.profiles.forms import ProfileForm
from app.web import limits
from app.web.responses import flash_error
from app.web.viewer import viewer, write_transaction, writes_late


@bp.route("/edit_profile", methods=["GET", "POST"])
@login_required
@limits.changing
@limits.uploading
@writes_late
def edit() -> str | Response | tuple[str, int]:
    """Show and save the viewer's own profile. An invalid form is shown again with its input."""
    form = ProfileForm.of(viewer())
    if not form.is_submitted():
        return render_template("profiles/edit.html", form=form)
    try:
        if form.validate():
            _save(form)
            refresh()  # use the new language from here on
            flash(_("Changes saved."), "success")
            return redirect(url_for("profiles.edit"), 303)
    except ActionError as refusal:
        flash_error(refusal)
    return render_template("profiles/edit.html", form=form), 422


def _save(form: ProfileForm) -> None:
    """Save the form in the database, and the picture in a file.

    A new picture is stored before the commit, and the old one is deleted after the commit. So the user's row never
    refers to a missing file.
    """
    person = viewer()
    new = picture_routes.take(form.avatar.data) if form.avatar.data else None
    if new is None and form.remove_avatar.data:
        new = ""
    old = ""
    try:
        with write_transaction():
            actions.edit_profile(person, form.change, languages=languages())
            if new is not None:
                old = actions.set_avatar(person, new)
    except ActionError:  # after other errors, the row may have been saved; a daily job deletes unused files
        picture_routes.remove(new)
        raise
    if new is not None:
        picture_routes.remove(old)
