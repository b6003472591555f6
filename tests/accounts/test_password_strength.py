"""Passwords that are easy to guess are refused wherever a password is chosen, with a reason."""

from __future__ import annotations

import re

import pytest
from zxcvbn import matching

from app.accounts.password_strength import MAX_ANALYZED_LENGTH, estimate
from tests.accounts.steps import link_in, register, the_user
from tests.factories import PASSWORD, a_user

# The password, and the beginning of the reason for an account that is named catherina.
EASY = [
    ("Passw0rd!", "This password is easy to guess because it&#39;s similar to a common password."),
    ("dragon12", "This password is easy to guess because it&#39;s similar to a common password."),
    ("abcabcabc", "Repeated characters or words are easy to guess."),
    ("aaaaaaaaaaaaaaaa", "Repeated characters or words are easy to guess."),
    ("catherina1990", "This password is easy to guess because it contains your username or email address."),
    ("catherina@example.org", "This password is easy to guess because it contains your username or email address."),
    ("microblog2026", "This password is easy to guess because it contains your username or email address."),
    ("dfghjkl;", "Neighboring keys are easy to guess."),
    ("abcdefghijk", "Sequences like abc or 6543 are easy to guess."),
    ("14.07.1989", "Dates and years are easy to guess."),
    ("Wednesday", "A single word or name is easy to guess."),
]


def reason(page) -> str:
    """The reason beside the field of the new password."""
    found = re.search(r'id="password-error">([^<]*)<', page.text)
    return found[1] if found else ""


@pytest.mark.parametrize(("password", "why"), EASY)
def test_registration_rejects_weak_passwords_with_a_reason(client, db, password, why):
    answer = register(client, "catherina", password=password)
    assert answer.status_code == 422
    assert reason(answer).startswith(why)


def test_new_password_is_checked_wherever_it_is_set(as_, client, db, run_jobs, mails):
    ana = as_(a_user("ana", name="Anastasia Petrova"))
    client.post_form("/auth/reset_password_request", {"email": "ana@example.org"})
    run_jobs()
    link = link_in(mails[0])
    before = the_user().password_hash
    for easy in ("Passw0rd!", "Petrova1", "anastasia petrova"):
        new = {"password": easy, "password2": easy}
        changed = ana.post_form("/auth/security/password", {"old_password": PASSWORD, **new})
        reset = client.post_form(link, new)
        for answer in (changed, reset):
            assert answer.status_code == 422
            assert "easy to guess" in reason(answer)
    assert the_user().password_hash == before


@pytest.mark.parametrize(
    "password",
    ["x7Kq!m2z", "correct horse battery", "пароль 密码 🔑 и чай", "a b c d e f g h", "ずっと前から好き"],
)
def test_strong_passwords_are_accepted(client, db, password):
    assert register(client, "catherina", password=password).status_code == 303


def test_characters_beyond_the_analyzed_length_do_not_add_strength():
    beginning = "ab" * (MAX_ANALYZED_LENGTH // 2)
    assert estimate(beginning + "7 quiet herons drift").guesses == estimate(beginning).guesses


def test_personal_words_count_only_for_that_person():
    assert not estimate("zoeben1990", ["zoeben"]).is_enough
    assert estimate("zoeben1990").guesses > estimate("zoeben1990", ["zoeben"]).guesses


@pytest.mark.parametrize(
    "password",
    [
        "maria.lovasz",  # the part before the "@"
        "marialovasz1",
        "Lovász2026",
        "lovasz2026",
        "brzeczyszczykiewicz",  # the name as typed on another keyboard
        "ZbigniewBrzeczyszczykiewicz!",
        "annelenka1",  # a username without its hyphen
        "anne_lenka",
        "intranetcorp1",  # the domain
        "intranet.corp.example",
        "maria.lovasz@intranet.corp.example",
    ],
)
def test_variations_of_personal_words_are_recognized(password):
    own = ["anne-lenka", "Maria.Lovász@intranet.corp.example", "Zbigniew Brzęczyszczykiewicz"]
    assert not estimate(password, own).is_enough, estimate(password, own)


def test_personal_word_longer_than_the_analyzed_length_is_recognized():
    name = "q9x7zk2mvw8rt3yplq5jn6bdf4hgs1cqazwsxedcrfvtgb"
    assert len(name) > MAX_ANALYZED_LENGTH
    assert not estimate(name, [f"{name}@example.org"]).is_enough


def test_many_symbols_do_not_multiply_the_estimation_work(monkeypatch):
    """Zxcvbn tries every way to read symbols as letters: unbounded, these take six seconds."""
    tried = []

    def counted(*args, **options):
        tried.append(args)
        return original(*args, **options)

    original = matching.dictionary_match
    monkeypatch.setattr(matching, "dictionary_match", counted)
    assert estimate("4@8({[<369&#!1/|0$5+7%2gunmzx" * 30).is_enough
    assert len(tried) < 100
    assert all(len(args[0]) <= MAX_ANALYZED_LENGTH for args in tried)
