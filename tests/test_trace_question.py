"""What is asked of a trace: the ends of a flow as a person writes them."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwplan.errors import UnreadableError
from fwplan.trace.question import PROTOCOLS, Endpoint, Role, read_endpoint
from fwplan.trace.words import endpoint_words


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("host", Endpoint(Role.HOST)),
        ("guest", Endpoint(Role.GUEST)),
        ("outside", Endpoint(Role.OUTSIDE)),
        ("outside:443", Endpoint(Role.OUTSIDE, 443)),
        ("host:53/udp", Endpoint(Role.HOST, 53, "udp")),
        ("guest/icmp", Endpoint(Role.GUEST, None, "icmp")),
        ("192.168.122.10", Endpoint(ip_address("192.168.122.10"))),
        ("198.51.100.7:443/tcp", Endpoint(ip_address("198.51.100.7"), 443, "tcp")),
        ("2001:db8::1", Endpoint(ip_address("2001:db8::1"))),
        ("2001:db8::1/icmpv6", Endpoint(ip_address("2001:db8::1"), None, "icmpv6")),
        ("[2001:db8::1]", Endpoint(ip_address("2001:db8::1"))),
        ("[2001:db8::1]:53/udp", Endpoint(ip_address("2001:db8::1"), 53, "udp")),
        ("::ffff:192.0.2.1", Endpoint(ip_address("192.0.2.1"))),
        ("10.0.0.1/gre", Endpoint(ip_address("10.0.0.1"), None, "gre")),
    ],
)
def test_an_end_is_an_address_or_a_role_with_a_port_and_a_protocol(text: str, end: Endpoint) -> None:
    assert read_endpoint(text) == end


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'': there is no address ''"),
        ("nobody", "'nobody': there is no address 'nobody'"),
        ("10.0.0.256", "there is no address '10.0.0.256'"),
        ("10.0.0.0/8", "there is no protocol '8': give one address, not a subnet"),
        ("10.0.0.1/tpc", "there is no protocol 'tpc' (it is ADDRESS:PORT/PROTOCOL"),
        ("10.0.0.1:", "there is no port ''"),
        ("10.0.0.1:0", "there is no port '0'"),
        ("10.0.0.1:65536", "there is no port '65536'"),
        ("10.0.0.1:http", "there is no port 'http'"),
        ("10.0.0.1:²", "there is no port '²'"),
        ("[10.0.0.1", "there is no address '[10.0.0.1'"),
        ("fe80::1%virbr0", "name the interface with --in-interface or --out-interface instead"),
    ],
)
def test_what_is_no_end_is_told_with_what_it_should_be(text: str, message: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read_endpoint(text)
    assert message in str(caught.value)


@given(
    st.ip_addresses(),
    st.none() | st.integers(1, 65535),
    st.none() | st.sampled_from(sorted(PROTOCOLS)),
)
def test_what_is_written_is_read_back(address: object, port: int | None, protocol: str | None) -> None:
    given_address = ip_address(str(address))
    written = endpoint_words(given_address, port, has_port=port is not None)
    found = read_endpoint(f"{written}/{protocol}" if protocol else written)
    mapped = given_address.ipv4_mapped if isinstance(given_address, IPv6Address) else None
    assert found == Endpoint(mapped or given_address, port, protocol)


@given(st.text())
def test_no_text_does_anything_but_be_read_or_refused(text: str) -> None:
    with suppress(UnreadableError):
        read_endpoint(text)
