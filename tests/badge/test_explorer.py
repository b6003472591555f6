"""The explorer itself, against every schedule there is: it leaves out no ending, and runs none twice."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from tests.badge.explorer import Counterexample, Move, Unrepeatable, explore

pytestmark = pytest.mark.slow

SHARED = {
    "read": ("x", ""),
    "write": ("", "x"),
    "lock": ("", "l"),
    "unlock": ("", "l"),
    "try": ("", "l"),
    "own": ("", ""),
}
PROGRAMS = [
    {"a": ["write"], "b": ["write"]},
    {"a": ["own", "own"], "b": ["own", "own"], "c": ["own"]},
    {"a": ["lock", "write", "unlock"], "b": ["lock", "read", "unlock"], "c": ["read", "write"]},
    {"a": ["lock", "write", "unlock"], "b": ["lock", "own", "unlock"], "c": ["read", "try", "read"]},
    {"a": ["lock", "read", "write", "unlock"], "b": ["lock", "read", "write", "unlock"], "c": ["write"], "d": ["own"]},
    {"a": ["read", "own", "write"], "b": ["read", "write", "own"], "c": ["write", "read"]},
]


class Toy:
    """Actors that read and write one number and take one lock. What each saw is its ending."""

    def __init__(self, programs, promise=lambda seen: True):
        self.programs, self.promise, self.endings, self.classes = programs, promise, Counter(), Counter()

    def start(self):
        self.at, self.owner, self.x = dict.fromkeys(self.programs, 0), "", ()
        self.seen, self.done = {name: [] for name in self.programs}, []

    def moves(self):
        found = []
        for name, program in self.programs.items():
            if self.at[name] < len(program) and not (program[self.at[name]] == "lock" and self.owner):
                step = program[self.at[name]]
                reads, writes = SHARED[step]
                found.append(Move(name, f"{self.at[name]} {step}", "go", frozenset(reads), frozenset(writes)))
        return found

    def do(self, move):
        step = move.name.split()[1]
        self.done.append(move)
        self.at[move.actor] += 1
        if step == "lock":
            self.owner = move.actor
        elif step == "unlock":
            self.owner = ""
        elif step == "write":
            self.x = (*self.x, move.actor)
        elif step != "own":
            self.seen[move.actor].append(self.x if step == "read" else self.owner)

    def finish(self):
        self.endings[repr((self.seen, self.x))] += 1
        self.classes[self.normal_form()] += 1
        assert self.promise(self.seen)

    def abandon(self):
        pass

    def normal_form(self):
        """The first of all schedules that differ from this one only in the order of independent neighbours."""
        left, form = list(self.done), []
        while left:
            first = min(
                (move for at, move in enumerate(left) if not any(move.depends_on(before) for before in left[:at])),
                key=lambda move: (move.actor, move.name),
            )
            left.remove(first)
            form.append(str(first))
        return tuple(form)


def everything(toy, path=()):
    """All schedules, by brute force."""
    toy.start()
    for move in path:
        toy.do(move)
    moves = toy.moves()
    if not moves:
        toy.finish()
    for move in moves:
        everything(toy, (*path, move))


@pytest.mark.parametrize("programs", PROGRAMS)
def test_explorer_finds_every_ending_and_runs_each_schedule_class_once(programs):
    brute, clever = Toy(programs), Toy(programs)
    everything(brute)
    report = explore(clever)
    assert report.complete
    assert set(clever.endings) == set(brute.endings)
    assert set(clever.classes) == set(brute.classes)
    assert set(clever.classes.values()) == {1}
    assert report.schedules == len(clever.classes) <= sum(brute.classes.values())


def test_broken_invariant_is_reported_with_its_schedule():
    """The lost update: two read before either writes."""
    toy = Toy({"a": ["read", "write"], "b": ["read", "write"]}, promise=lambda seen: seen["a"] != seen["b"])
    with pytest.raises(Counterexample) as found:
        explore(toy)
    kinds = [move.name.split()[1] for move in found.value.schedule]
    assert ("read", "read") in set(pairwise(kinds))
    assert "a: 0 read" in str(found.value)


def test_nondeterministic_system_is_detected():
    class Fickle(Toy):
        runs = 0

        def start(self):
            super().start()
            self.runs += 1
            if self.runs > 1:
                self.at["a"] = 1

    with pytest.raises(Unrepeatable, match="not the same again"):
        explore(Fickle({"a": ["write", "write"], "b": ["write"]}))
