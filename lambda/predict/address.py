"""Which addresses the function may connect to: public unicast addresses only."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Listed explicitly because `is_global` depends on Python's version and accepts several blocks that reach
# private networks (translators, tunnels, relays). From IANA's registries:
# https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry
_REFUSED_4 = [
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; some clouds use it for internal services
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local: the instance metadata and container credentials
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
    )
]
# All allocated unicast addresses; excludes the blocks that embed IPv4, ::ffff:0:0/96 and 64:ff9b::/96.
_UNICAST_6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_6 = [
    ipaddress.IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments, including Teredo
        "2001:db8::/32",
        "2002::/16",  # 6to4 embeds any IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
]


def is_public(address: Address) -> bool:
    """Return whether an address is on the public internet."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in block for block in _REFUSED_4)
    return address in _UNICAST_6 and not any(address in block for block in _REFUSED_6)
