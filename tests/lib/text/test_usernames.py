from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib.text.names import (
    EMAIL_OCTETS,
    SKELETON_POINTS,
    USERNAME_POINTS,
    InvalidName,
    check_email,
    check_username,
    email_key,
    username_key,
    username_skeleton,
)


def refusal(raw: str) -> str:
    with pytest.raises(InvalidName) as caught:
        check_username(raw)
    return caught.value.code


@pytest.mark.parametrize(
    "name",
    [
        "susan", "Ben-2", "jo", "a_b", "José", "Müller", "Željko", "Đorđe", "Nguyễn",
        "Ольга", "Ёлка", "Ελένη", "Արմեն", "გიორგი", "דוד", "محمد", "علی", "محمد٣", "नमस्ते", "श्रीराम",
        "বাংলা", "தமிழ்", "తెలుగు", "ಕನ್ನಡ", "മലയാളം", "සිංහල", "ไทยแท้", "ລາວ", "ខ្មែរ", "မြန်မာ", "བོདཡིག",
        "አማርኛ", "山田太郎", "さくら", "カタカナー", "王小明", "김민수", "佐々木", "x" * 30, "9lives",
    ],
)  # fmt: skip
def test_usernames_in_many_scripts_are_accepted_unchanged(name: str) -> None:
    assert check_username(f"  {name} ") == name


@pytest.mark.parametrize("name", ["", " ", "a", "x" * 31, "x" * 5000, "a" + "\u0301" * 200, "é"])
def test_too_short_and_too_long_usernames_are_rejected(name: str) -> None:
    assert refusal(name) == "length"


@pytest.mark.parametrize(
    "name",
    [
        ".", "..", "../x", "a/b", "a\\b", "a b", "a.b", "a@b", "a\0b", "a\r\nb", "a\u202eb", "a\u2066b", "a\u200bb",
        "a\u200db", "a\u00adb", "-ab", "_ab", "ab-", "\u3164\u3164", "a\u3164", "<b>", "a'b", 'a"b', "a%b", "a&b",
        "🎉🎉", "ab\ud800", "a\u0301\u0302\u0303\u0304", "\u0301ab", "ᴀᴅᴀ", "ʙe", "aʼb", "محمـد", "\U0010ffffab", "ab½",
    ],
)  # fmt: skip
def test_invalid_username_characters_are_rejected(name: str) -> None:
    assert refusal(name) in {"characters", "length"}


@pytest.mark.parametrize("name", ["аlice", "alιce", "bоb", "山田alice", "ab١", "١१", "Ольга七", "דוa", "ab\u0661"])
def test_usernames_mixing_scripts_are_rejected(name: str) -> None:
    assert refusal(name) == "scripts"


@pytest.mark.parametrize(
    "name",
    [
        "login", "static", "admin", "ADMIN", "Admin", "ａｄｍｉｎ", "adm1n", "ad-min", "admin_", "r00t", "root_",
        "everyone", "here", "api", "settings", "supp0rt", "rnoderator", "m0derat0r", "send_message", "Export_Posts",
    ],
)  # fmt: skip
def test_reserved_names_are_rejected_as_usernames(name: str) -> None:
    assert refusal(name) == "reserved"


@pytest.mark.parametrize("name", ["ali", "Ally", "hero", "adminton", "rooty", "meg", "usher", "all_good"])
def test_names_slightly_similar_to_reserved_names_are_accepted(name: str) -> None:
    assert check_username(name) == name


def test_fullwidth_letters_are_converted_to_ascii() -> None:
    assert check_username("ａｌｉｃｅ") == "alice"
    assert username_key("ＡＬＩＣＥ") == username_key("alice") == "alice"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice", "a1ice"), ("alice", "aIice"), ("alice", "аӏісе"), ("bob", "b0b"), ("BOB", "ВОВ"), ("HAN", "ΗΑΝ"),
        ("mark", "rnark"), ("william", "vvilliam"), ("paxe", "рахе"), ("user10", "userlo"), ("ırmak", "irmak"),
        ("İpek", "ipek"), ("علي", "علی"), ("مُحمد", "محمد"), ("ヘルプ", "へルプ"), ("ロロ", "口口"), ("x5", "x٥"),
        ("alice", "al-ice"), ("alice", "alice_"), ("alice", "a--l__ice"), ("a-b", "a_b"), ("bob", "bo-b_"),
        ("eve", "ėve"), ("eve", "ẹve"), ("eve", "ev\u0307\u0323e"), ("josé", "joṣé"), ("zola", "żola"), ("bo", "ḅȯ"),
        ("bob", "ʙoʙ"), ("gina", "ɢɪɴa"), ("hilary", "ʜɪʟaʀʏ"), ("kit", "ĸit"), ("lily", "ǀily"), ("pia", "ƿia"),
        ("jo", "ȷo"), ("abba", "aƅƅa"), ("r2d2", "rƨdƨ"), ("mi5", "miƽ"),
    ],
)  # fmt: skip
def test_lookalike_usernames_have_the_same_skeleton(one: str, other: str) -> None:
    assert username_skeleton(one) == username_skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("andre", "andré"),
        ("john", "joan"),
        ("zoe", "zoë"),
        ("ane", "ąne"),
        ("в", "б"),
        ("נ", "נוּ"),
        ("ber", "bar"),
        ("か", "が"),
        ("नि", "नी"),
    ],
)
def test_different_usernames_have_different_skeletons(one: str, other: str) -> None:
    assert username_skeleton(one) != username_skeleton(other)


@given(st.text(max_size=80))
def test_any_text_is_accepted_or_rejected_and_always_has_a_key(raw: str) -> None:
    key, look = username_key(raw), username_skeleton(raw)
    assert username_key(key) == key
    assert "\0" not in key
    key.encode()
    look.encode()
    try:
        name = check_username(raw)
    except InvalidName as refused:
        assert refused.code in {"length", "characters", "scripts", "reserved"}
    else:
        assert check_username(name) == name
        key = username_key(name)
        assert len(name) <= USERNAME_POINTS
        assert len(key) <= USERNAME_POINTS
        assert 0 < len(look) <= SKELETON_POINTS
        assert not set(name) & set("./\\@#?%&<>\"' \n\r\t\0")


@given(st.text(alphabet=st.characters(categories=["L", "Nd"]), min_size=2, max_size=12))
def test_usernames_differing_in_case_have_the_same_key(raw: str) -> None:
    assert username_key(raw.casefold()) == username_key(raw)


def test_unstorable_username_can_be_looked_up_safely() -> None:
    for hostile in ("a\0b", "a\ud800b", "a\r\nb", "x" * 100_000):
        assert "\ufffd" in username_key(hostile)


@pytest.mark.parametrize("address", ["susan@example.com", "Susan@EXAMPLE.com", "a+b@example.co.uk", "δ@παράδειγμα.gr"])
def test_valid_email_addresses_are_accepted(address: str) -> None:
    assert email_key(check_email(f" {address} ")) == email_key(address)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("a" * 300 + "@example.com", "length"), ("a@b.com\r\nBcc: c@d.com", "characters"),
        ("a\0@b.com", "characters"),
        ("a@b", "characters"), ('"a b"@example.com', "characters"), ("a@[127.0.0.1]", "characters"),
        ("", "characters"), ("a@b@c.com", "characters"), ("a\ud800@b.com", "characters"),
        ("a@b.com\n", "characters"),
        ("a@\u202eb.com", "characters"), ("a@localhost", "characters"), ("Bob <a@b.com>", "characters"),
    ],
)  # fmt: skip
def test_invalid_email_addresses_are_rejected(address: str, code: str) -> None:
    with pytest.raises(InvalidName) as caught:
        check_email(address)
    assert caught.value.code == code


def test_email_key_folds_both_parts() -> None:
    assert email_key("SUSAN@Example.COM") == email_key("ｓｕｓａｎ@example.com") == "susan@example.com"
    assert email_key("Straße@example.com") == "strasse@example.com"


@given(st.emails())
def test_email_keys_are_idempotent_and_safe_in_a_header(address: str) -> None:
    key = email_key(address)
    assert email_key(key) == key
    assert not set(key) & set("\r\n\0")
    try:
        normal = check_email(address)
    except InvalidName:
        return
    assert len(normal.encode()) <= EMAIL_OCTETS
    assert normal.isprintable()
