"""The Flask extensions, except for Flask-Migrate (app/core/migrations.py).

They are created without an app, and `create_app` initialises them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from flask_bootstrap import Bootstrap5
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_mail import Mail
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, SessionTransaction

from app.catalogs.domain import CatalogBabel


class Base(DeclarativeBase):
    """Base class of all models. Every constraint has a name, because migrations can only drop constraints by name."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Session(FlaskSession):
    """A database session that runs registered functions before and after each commit.

    A rollback discards the registered functions. A function that runs before the commit can register more functions.
    Commit only with `session.commit()`: `with session.begin()` would skip the functions, so it raises RuntimeError.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.before_commit: list[Callable[[], object]] = []  # run at the end of the transaction; used by the outbox
        self.after_commit: list[Callable[[], object]] = []  # run after the commit; used to push jobs to RQ

    def begin(self, nested: bool = False) -> SessionTransaction:
        """Begin a savepoint. Raises RuntimeError unless `nested` is true, because transactions begin automatically."""
        if not nested:
            raise RuntimeError("transactions begin by themselves, and end with session.commit()")
        return super().begin(nested=True)

    def commit(self) -> None:
        """Run the functions of `before_commit`, commit, and run the functions of `after_commit`."""
        for run in self.before_commit:
            run()
        super().commit()
        after = self.after_commit[:]
        self._discard()
        for run in after:
            run()

    def rollback(self) -> None:
        """Roll back, and discard the registered functions."""
        self._discard()
        super().rollback()

    def close(self) -> None:
        """Close the session. Discard the functions that were registered to run at its next commit."""
        self._discard()
        super().close()

    def _discard(self) -> None:
        self.before_commit.clear()
        self.after_commit.clear()
        self.info.clear()  # data about one transaction, such as the writes of the outbox


# Objects stay loaded after a commit, because routes still use them in flash messages and redirects.
db = SQLAlchemy(model_class=Base, session_options={"class_": Session, "expire_on_commit": False})
login = LoginManager()
mail = Mail()
babel = CatalogBabel()
bootstrap = Bootstrap5()
limiter = Limiter(key_func=get_remote_address)


def current_session() -> Session:
    """Return the session of the current app context itself. `db.session` is only a proxy for it."""
    return cast(Session, db.session())
