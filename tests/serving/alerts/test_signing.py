"""Signatures are those of Standard Webhooks."""

from __future__ import annotations

import pytest

from serving.alerts.signing import read_secrets, signed_headers

# The test vector of the reference implementations of the specification.
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_BODY = b'{"test": 2432232314}'
_ID, _SECONDS = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_signed_headers__are_those_of_the_specification() -> None:
    headers = signed_headers(_ID, _BODY, seconds=_SECONDS, secrets=read_secrets(_SECRET))

    assert headers == {
        "webhook-id": _ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": _SIGNATURE,
    }


def test_signed_headers__hold_a_signature_of_each_secret_while_one_replaces_another() -> None:
    other = "whsec_" + "A" * 32
    headers = signed_headers(_ID, _BODY, seconds=_SECONDS, secrets=read_secrets(f"{other} {_SECRET}"))

    first, second = headers["webhook-signature"].split()
    assert second == _SIGNATURE
    assert first != second


@pytest.mark.parametrize(
    "text", ["secret", "whsec_", "whsec_AAAA", "whsec_" + "A" * 100, "A" * 32, "whsec_ä"]
)
def test_read_secrets__refuses_what_is_none_and_does_not_tell_it(text: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 random bytes") as refused:
        read_secrets(text)

    assert text not in str(refused.value).replace("whsec_ and", "")
