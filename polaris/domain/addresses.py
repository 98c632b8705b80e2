"""Addresses of clients, and the networks that limits count them by."""

from __future__ import annotations

import ipaddress

IPV6_SITE_BITS = 64  # a household or a depot gets at least so many addresses, and could use a new one for each attempt


def network(address: str) -> str:
    """Return what limits count a client by: its IPv4 address, or the /64 of its IPv6 address."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return str(ipaddress.ip_network((ip, IPV6_SITE_BITS), strict=False))
        ip = ip.ipv4_mapped
    return str(ip)
