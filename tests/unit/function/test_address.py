"""Which addresses the function may connect to."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

INSIDE = """
0.0.0.0 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.8.9.1 169.254.169.254 169.254.170.2 172.16.0.1
172.31.255.255 192.0.0.1 192.0.0.9 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1
224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
:: ::1 ::10.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:0:a00:1 64:ff9b::a00:1 64:ff9b::808:808 64:ff9b:1::1
100::1 2001::1 2001:db8::1 2002:a00:1:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 ff0e::1
"""
OUTSIDE = (
    "8.8.8.8 1.1.1.1 52.94.236.248 172.15.0.1 172.32.0.1 100.128.0.1 2600:9000::1 2a00:1450::1 2001:4860::1"
)
PRIVATE_4 = [
    "10.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
]


@pytest.mark.parametrize("address", INSIDE.split())
def test_an_address_inside_is_refused(modules: Any, address: str) -> None:
    assert not modules["address"].is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE.split())
def test_a_public_address_is_allowed(modules: Any, address: str) -> None:
    assert modules["address"].is_public(ipaddress.ip_address(address))


@given(block=st.sampled_from(PRIVATE_4), data=st.data())
def test_no_private_address_passes_however_it_is_wrapped(modules: Any, block: str, data: Any) -> None:
    network = ipaddress.IPv4Network(block)
    inside = ipaddress.IPv4Address(
        int(network[0]) + data.draw(st.integers(0, network.num_addresses - 1), label="offset")
    )
    wrapped = [
        inside,
        ipaddress.IPv6Address(int(inside)),
        ipaddress.IPv6Address((0xFFFF << 32) | int(inside)),
        ipaddress.IPv6Address((0x64FF9B << 96) | int(inside)),
        ipaddress.IPv6Address((0x2002 << 112) | (int(inside) << 80)),
    ]
    assert not any(modules["address"].is_public(address) for address in wrapped)
