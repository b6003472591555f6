"""Keys as no browser sends them."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("name", ["p256dh", "auth"])
@pytest.mark.parametrize("padding", [1, 200])
def test_padding_of_subscription_keys_is_removed(as_, service, subscriptions, name, padding):
    device = service.browser()
    fields = device.fields()
    answer = as_("ana").post_form("/push/subscribe", {**fields, name: fields[name] + "=" * padding})
    assert answer.status_code == 204
    (row,) = subscriptions()
    assert (row.p256dh, row.auth) == (fields["p256dh"], fields["auth"])
