"""Addresses that are one and the same to whoever counts."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.platform.networks import aggregated


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unknown", "unknown"),
        ("unix", "unix"),
        ("", ""),
        ("2001:db8::/64", "2001:db8::/64"),
        ("1:2:3", "1:2:3"),
    ],
)
def test_who_counts_as_whom(address, expected):
    assert aggregated(address) == expected


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(1, 2**64 - 1))
def test_all_of_a_64_are_one(one, other, prefix):
    addresses = (str(ipaddress.IPv6Address((prefix << 64) + host)) for host in (one, other))

    assert len({aggregated(address) for address in addresses}) == 1


@given(st.text())
def test_any_text_stands_for_something_stable(text):
    assert aggregated(aggregated(text)) == aggregated(text)
