"""How a route says no: nothing of the refused change is kept, and the person hears why."""

from __future__ import annotations

from flask import flash

from app.core.errors import Refused
from app.extensions import db


def say_no(refusal: Refused, category: str = "danger") -> None:
    """Roll the transaction back and flash the refusal's sentence under `category`."""
    db.session.rollback()
    flash(str(refusal), category)
