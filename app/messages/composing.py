"""The page on which a conversation begins: to whom, and the first words. Shown anew when these are refused."""

from __future__ import annotations

from flask import render_template

from app.lib.text.names import username_key
from app.messages.group_forms import GroupForm, names_in
from app.messages.queries import recipients
from app.queries import people
from app.web.form_keys import new_form_key
from app.web.viewer import viewer


def show(form: GroupForm) -> str:
    """The composer with the form as it was filled in, and what is to be said of the people who are named in it."""
    names = names_in(form.to.data or "")
    found = {user.username_key: user.id for user in people.by_usernames(names)} if names else {}
    chosen = recipients.among(viewer(), [user_id for user_id in found.values() if user_id != viewer().id])
    known = {one.user.username_key for one in chosen}
    unknown = [name for name in names if username_key(name) not in known]
    if form.form_key.data is None:
        form.form_key.data = new_form_key()
    return render_template("messages/write.html", form=form, chosen=chosen, unknown=unknown)
