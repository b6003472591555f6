"""The extensions, not bound to an app. `create_app` initialises them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from flask_bootstrap import Bootstrap5
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_mail import Mail
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, SessionTransaction

from app.catalogs.domain import CatalogBabel


class Base(DeclarativeBase):
    """Base class of all models. Constraints have names, so that migrations can drop them on every database."""

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
    """A session whose transactions carry functions to run before and after their commit.

    `commit()` is the only way to commit: `with session.begin()` is refused, because it would skip the functions. They
    are discarded when the transaction is rolled back. A function that runs before the commit may register more.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.before_commit: list[Callable[[], object]] = []  # run in the transaction, such as the outbox
        self.after_commit: list[Callable[[], object]] = []  # run when the data is visible to others, such as pushes

    def begin(self, nested: bool = False) -> SessionTransaction:
        """Begin a savepoint. Raises RuntimeError for a transaction: those begin with the first statement."""
        if not nested:
            raise RuntimeError("transactions begin by themselves, and end with session.commit()")
        return super().begin(nested=True)

    def commit(self) -> None:
        """Run what is registered before the commit, commit, and run what is registered after it."""
        for run in self.before_commit:
            run()
        super().commit()
        after = self.after_commit[:]
        self._discard()
        for run in after:
            run()

    def rollback(self) -> None:
        """Roll back, and discard what is registered."""
        self._discard()
        super().rollback()

    def close(self) -> None:
        """Close the session, and discard what is registered."""
        self._discard()
        super().close()

    def _discard(self) -> None:
        self.before_commit.clear()
        self.after_commit.clear()
        self.info.clear()  # facts about one transaction, such as what the outbox has to write


# Objects stay loaded after the commit: a route commits once, then flashes and redirects.
db = SQLAlchemy(model_class=Base, session_options={"class_": Session, "expire_on_commit": False})
migrate = Migrate(render_as_batch=True, compare_type=True)
login = LoginManager()
mail = Mail()
babel = CatalogBabel()
bootstrap = Bootstrap5()
limiter = Limiter(key_func=get_remote_address)


def current_session() -> Session:
    """Return the session of the current app context, not the proxy `db.session`."""
    return cast(Session, db.session())
