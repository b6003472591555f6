"""Encryption and signature as the standards have them, by the standard's own example and by a receiver of our own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from app.lib.webpush import encryption, keys, vapid
from app.lib.webpush.sending import is_allowed
from tests.support.push_service import PushBrowser, bytes_of, decrypt, text_of, verified

# RFC 8291, section 5 and appendix A
PLAIN = b"When I grow up, I want to be a watermelon"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
RECEIVER = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
    "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_encryption_matches_the_example_of_the_standard():
    made = encryption.encrypt(PLAIN, P256DH, AUTH, key=keys.private_key(SENDER), salt=bytes_of(SALT))
    assert text_of(made) == BODY


def test_test_receiver_decrypts_the_example_of_the_standard():
    assert decrypt(bytes_of(BODY), keys.private_key(RECEIVER), bytes_of(AUTH)) == PLAIN


@given(
    st.binary(max_size=encryption.MAX_LENGTH).filter(lambda text: not text.endswith(b"\0")), st.sampled_from([0, 512])
)
def test_every_payload_fits_in_one_record(text, padded_to):
    browser = PushBrowser("https://push.example/1")
    fields = browser.fields()
    body = encryption.encrypt(text, fields["p256dh"], fields["auth"], padded_to=padded_to)
    assert decrypt(body, browser.key, browser.secret) == text
    assert len(body) <= encryption.RECORD_SIZE


def test_padding_hides_the_payload_length():
    fields = PushBrowser("https://push.example/1").fields()
    lengths = {
        len(encryption.encrypt(b"x" * n, fields["p256dh"], fields["auth"], padded_to=512)) for n in range(1, 513)
    }
    assert lengths == {512 + encryption.OVERHEAD}


def test_oversized_payload_is_rejected():
    with pytest.raises(ValueError, match="at most"):
        encryption.encrypt(b"x" * (encryption.MAX_LENGTH + 1), P256DH, AUTH)


def test_other_browser_cannot_decrypt_the_payload():
    one, other = PushBrowser("https://push.example/1"), PushBrowser("https://push.example/2")
    body = encryption.encrypt(b"secret", one.fields()["p256dh"], one.fields()["auth"])
    with pytest.raises(InvalidTag):
        decrypt(body, other.key, one.secret)
    with pytest.raises(InvalidTag):
        decrypt(body, one.key, other.secret)


def test_vapid_token_names_audience_sender_and_expiry():
    private, moment = keys.new_private_key(), datetime(2026, 3, 1, 12, tzinfo=UTC)
    header = vapid.authorization("https://push.example/a/b?c=d", private, "mailto:post@blog.example", moment)
    claims, key = verified(header)
    end = int((moment + timedelta(hours=12)).timestamp())
    assert claims == {"aud": "https://push.example", "exp": end, "sub": "mailto:post@blog.example"}
    assert key == keys.public_key(private)
    with pytest.raises(InvalidSignature):
        verified(header.replace(key, keys.public_key(keys.new_private_key())))


def test_invalid_keys_are_rejected():
    uncompressed = PushBrowser("https://push.example/1").fields()["p256dh"]
    assert keys.browser_key(uncompressed + "=")
    compressed = text_of(b"\x02" + bytes_of(uncompressed)[1:33])
    beside_the_curve = text_of(b"\x04" + bytes(63) + b"\x01")
    for bad in ("", "x", "ключ", "!" * 87, uncompressed[:-4], compressed, beside_the_curve, text_of(bytes(65))):
        with pytest.raises(ValueError, match=r".+"):
            keys.browser_key(bad)
    for bad in ("", "AAAA", text_of(bytes(15)), text_of(bytes(17)), "😀" * 8):
        with pytest.raises(ValueError, match=r".+"):
            keys.browser_secret(bad)
    for bad in ("", text_of(bytes(31)), text_of(bytes(32)), text_of(b"\xff" * 32)):
        with pytest.raises(ValueError, match=r".+"):
            keys.private_key(bad)
    assert isinstance(keys.private_key(keys.new_private_key()), ec.EllipticCurvePrivateKey)


HOSTS = ("fcm.googleapis.com", "*.push.apple.com")


@pytest.mark.parametrize("good", ["https://fcm.googleapis.com/a", "https://web.push.apple.com:443/b?c"])
def test_configured_push_services_are_allowed(good):
    assert is_allowed(good, HOSTS)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "fcm.googleapis.com/a",
        "http://fcm.googleapis.com/a",
        "ftp://fcm.googleapis.com/a",
        "https://push.apple.com.evil.example/",
        "https://evilpush.apple.com/",
        "https://push.apple.com/",
        "https://x@fcm.googleapis.com/",
        "https://fcm.googleapis.com@127.0.0.1/",
        "https://fcm.googleapis.com:8443/",
        "https://fcm.googleapis.com:x/",
        "https://fcm.googleapis.com\\@127.0.0.1/",
        "https://fcm.googleapis.com/a#b",
        "https://fcm.googleapis.com/a b",
        "https://fcm.googleapis.com/a\nb",
        "https://fcm.googleapis.com/\u00e4",
        "https://fcm.googleapis.com/" + "x" * 1024,
        "https://127.0.0.1/",
        "http://169.254.169.254/latest",
        "http://[::1]/",
        "https://[::1/",
        "//fcm.googleapis.com/",
    ],
)
def test_other_push_endpoints_are_rejected(bad):
    assert not is_allowed(bad, HOSTS)


def test_localhost_is_allowed_only_if_configured():
    assert is_allowed("http://127.0.0.1:9999/push", ("127.0.0.1",))
    assert not is_allowed("http://127.0.0.1:9999/push", HOSTS)
    assert not is_allowed("http://10.0.0.1/push", ("10.0.0.1",))
