"""Every schedule of a few actors, once: stateless model checking with sleep sets.

The explorer runs a system from its start to its end, goes back to the last state where something else could have
happened, and runs it again up to there (P. Godefroid, "Model checking for programming languages using VeriSoft",
POPL 1997). Two operations that touch nothing in common, or only read it, may change places without anybody noticing:
of all schedules that differ only by such changes one is run. Sleep sets see to that: after a move was tried in a state,
it sleeps in the branches after it, until something that depends on it was done (P. Godefroid, "Partial-Order Methods
for the Verification of Concurrent Systems", LNCS 1032, 1996, chapter 5). They leave out no reachable state in which
everything has ended, and run no such class of schedules twice. A branch in which only sleepers could move was seen
from elsewhere, and is cut short. Persistent sets (C. Flanagan and P. Godefroid, "Dynamic partial-order reduction",
POPL 2005) would cut earlier and find the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Move:
    """One step of one actor. `kind` tells apart what the same actor could do instead: go on, or die."""

    actor: str
    name: str
    kind: str = "go"
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()

    def depends_on(self, other: Move) -> bool:
        """Whether the order of the two can matter."""
        return (
            self.actor == other.actor
            or bool(self.writes & (other.reads | other.writes))
            or bool(other.writes & self.reads)
        )

    def __str__(self) -> str:
        return f"{self.actor}: {self.name}" if self.kind == "go" else f"{self.actor}: {self.kind} before {self.name}"


class System(Protocol):
    """What can be explored. It must do the same after the same moves."""

    def start(self) -> None:
        """Go to the first state."""

    def moves(self) -> list[Move]:
        """What can happen now; nothing: the schedule is complete."""

    def do(self, move: Move) -> None:
        """Let it happen. Raises AssertionError when a promise is broken."""

    def finish(self) -> None:
        """A schedule is complete. Raises AssertionError when a promise is broken."""

    def abandon(self) -> None:
        """The rest of this schedule is known."""


@dataclass
class Report:
    """What was explored. `complete`: nothing is left to try."""

    schedules: int = 0
    cut_short: int = 0
    moves: int = 0
    longest: int = 0
    complete: bool = False

    def __str__(self) -> str:
        return f"{self.schedules} schedules, {self.cut_short} cut short, {self.moves} moves, longest {self.longest}"


class Unrepeatable(Exception):
    """The same moves led to another state: what was explored proves nothing."""


class Counterexample(AssertionError):
    """A schedule after which a promise was broken; it says which."""

    def __init__(self, schedule: Iterable[Move], report: Report, why: AssertionError) -> None:
        self.schedule = list(schedule)
        self.report = report
        steps = "\n".join(f"  {number}. {move}" for number, move in enumerate(self.schedule, 1))
        super().__init__(f"after {report.schedules} good schedules:\n{steps}\n{why}")


@dataclass
class _State:
    """One state on the current schedule, and what is still to be tried from it."""

    moves: list[Move]
    asleep: set[Move]
    todo: list[Move]

    def sleepers_after(self) -> set[Move]:
        return {move for move in self.asleep if not move.depends_on(self.todo[0])}

    def next(self) -> bool:
        """Leave the tried move behind; False when nothing is left."""
        self.asleep.add(self.todo.pop(0))
        return bool(self.todo)


def explore(system: System) -> Report:
    """Run every schedule of `system`. Raises Counterexample at the first that breaks a promise."""
    report, path = Report(), list[_State]()
    while True:
        try:
            _run(system, path, report)
        except AssertionError as error:
            system.abandon()
            raise Counterexample([state.todo[0] for state in path if state.todo], report, error) from error
        while path and not path[-1].next():
            path.pop()
        if not path:
            report.complete = True
            return report


def _run(system: System, path: list[_State], report: Report) -> None:
    """Repeat `path`, then go on to the end of one schedule, leaving the states that were new in `path`."""
    system.start()
    for state in path:
        found = system.moves()
        if found != state.moves:
            raise Unrepeatable(f"not the same again: {found}, and before {state.moves}")
        system.do(state.todo[0])
    asleep = path[-1].sleepers_after() if path else set()
    while moves := system.moves():
        todo = [move for move in moves if move not in asleep]
        if not todo:
            report.cut_short += 1
            system.abandon()
            return
        path.append(_State(moves, asleep, todo))
        report.moves += 1
        system.do(todo[0])
        asleep = path[-1].sleepers_after()
    system.finish()
    report.schedules += 1
    report.longest = max(report.longest, len(path))
