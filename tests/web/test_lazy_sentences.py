"""A sentence that is translated when it is shown is text: what was put into it is no markup on a page."""

from __future__ import annotations

from flask import render_template_string

from app.core.i18n import _l


def test_name_in_a_lazy_string_is_escaped(app):
    with app.test_request_context("/"):
        page = render_template_string("<p>{{ sentence }}</p>", sentence=_l("Hi %(name)s,", name="<b>Ana</b>"))
    assert page == "<p>Hi &lt;b&gt;Ana&lt;/b&gt;,</p>"
