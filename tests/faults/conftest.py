"""One real stack for the tests of faults and races."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import text

from tests.support.processes import Stack
from tests.support.seeded_random import Moments

_names = itertools.count(1)


@pytest.fixture(scope="session")
def stack_of_session(database, tmp_path_factory):
    """Started once for each test process: tests use people of their own."""
    stack = Stack(tmp_path_factory.mktemp("stack"), database.copy(), clock="now")
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
def stack(stack_of_session):
    """The stack, whole: whatever the last test killed runs again."""
    stack_of_session.mend()
    return stack_of_session


@pytest.fixture
def moments():
    """Random moments whose seed is printed when the test fails."""
    return Moments()


@pytest.fixture
def people(stack):
    """Register people under fresh names, who know each other: `people(2)` gives two pairs of name and Visitor."""
    made = []

    def register(count):
        for _ in range(count):
            name = f"person{next(_names)}"
            made.append((name, stack.person(name)))
        stack.acquaint(*(name for name, _visitor in made[-count:]))
        return made[-count:]

    yield register
    for _name, visitor in made:
        visitor.close()


@pytest.fixture
def ask(stack):
    """Look into the database of the stack: `ask("SELECT ...", name=value)` gives rows."""
    engine = stack.engine()

    def asked(statement, **values):
        with engine.connect() as connection:
            return connection.execute(text(statement), values).all()

    yield asked
    engine.dispose()
