"""Reading: each part of a definition as a value, and what libvirt would ignore kept beside it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest

from fwplan.network.definition import Bridge, Domain, Mac, Mtu, Network
from fwplan.network.dns import Dns, DnsForwarder, DnsHost, DnsSrv, DnsTxt
from fwplan.network.element import Others
from fwplan.network.forward import AddressRange, Driver, Forward, Interface, Nat, PciAddress, PortRange
from fwplan.network.ip import Bootp, Dhcp, DhcpHost, DhcpRange, Ip, Lease, Route, Tftp
from fwplan.network.modes import ForwardMode
from fwplan.network.port import Bandwidth, Port, PortGroup, Rate, VirtualPort, VirtualPortParameters, Vlan, VlanTag
from fwplan.network.read import Reading, examine, read_network

IP = "<ip address='10.20.0.1' prefix='24'/>"


def document(part: str) -> bytes:
    return f"<network>\n<name>lab</name>\n{part}\n</network>\n".encode()


def read(part: str) -> Network:
    return read_network(document(part))


def looked_at(part: str) -> Reading:
    return examine(document(part))


# Each part as a value


def test_a_network_that_says_nothing_but_its_name_has_nothing_else() -> None:
    assert read_network(b"<network><name>lab</name></network>") == Network(name="lab")


def test_texts_and_attributes_of_the_network() -> None:
    network = read_network(
        b"<network ipv6='yes' trustGuestRxFilters='no'><name>lab</name><title>Lab</title>"
        b"<description>Two\nlines &amp; more.</description></network>"
    )
    assert (network.ipv6, network.trust_guest_rx_filters) == (True, False)
    assert (network.title, network.description) == ("Lab", "Two\nlines & more.")


@pytest.mark.parametrize(
    "written",
    [
        "81ff0d90-c91e-6742-64da-4a736edb9a9b",
        "81FF0D90-C91E-6742-64DA-4A736EDB9A9B",
        "81ff0d90c91e674264da4a736edb9a9b",
        "  81ff-0d90c91e-674264da4a-736edb9a9b\n",
    ],
)
def test_a_uuid_is_read_in_all_its_spellings_and_kept_in_one(written: str) -> None:
    assert read(f"<uuid>{written}</uuid>").uuid == "81ff0d90-c91e-6742-64da-4a736edb9a9b"


PARTS: dict[str, tuple[str, object]] = {
    "<bridge name='virbr0' zone='lab' stp='off' delay='4' macTableManager='libvirt'/>": (
        "bridge",
        Bridge(name="virbr0", zone="lab", stp=False, delay=4, mac_table_manager="libvirt"),
    ),
    "<mtu size='9000'/>": ("mtu", Mtu(size=9000)),
    "<mac address='52:54:0:AB:cd:1'/>": ("mac", Mac(address="52:54:00:ab:cd:01")),
    "<domain name='lab.example' localOnly='yes' register='yes'/>": (
        "domain",
        Domain(name="lab.example", local_only=True, register=True),
    ),
    "<port isolated='yes'/>": ("port", Port(isolated=True)),
    "<bandwidth><inbound average='1' peak='2' burst='3'/><outbound average='4'/></bandwidth>": (
        "bandwidth",
        Bandwidth(inbound=Rate(average=1, peak=2, burst=3), outbound=Rate(average=4)),
    ),
    "<forward dev='eth0'/><ip address='10.20.0.1'/>": ("forward", Forward(mode=ForwardMode.NAT, dev="eth0")),
    "<forward><nat ipv6='yes'><address start='192.0.2.1' end='192.0.2.9'/><port start='1' end='9'/></nat></forward>"
    "<ip address='10.20.0.1'/>": (
        "forward",
        Forward(
            mode=ForwardMode.NAT,
            nat=Nat(
                ipv6=True,
                address=AddressRange(start=IPv4Address("192.0.2.1"), end=IPv4Address("192.0.2.9")),
                port=PortRange(start=1, end=9),
            ),
        ),
    ),
    "<forward mode='private'><interface dev='eth0'/><interface dev='eth1'/></forward>": (
        "forward",
        Forward(mode=ForwardMode.PRIVATE, interfaces=(Interface(dev="eth0"), Interface(dev="eth1"))),
    ),
    "<forward mode='hostdev' managed='YES'><driver name='vfio' model='mine'/><pf dev='eth0'/></forward>": (
        "forward",
        Forward(
            mode=ForwardMode.HOSTDEV,
            managed=True,
            driver=Driver(name="vfio", model="mine"),
            physical_functions=(Interface(dev="eth0"),),
        ),
    ),
    "<forward mode='hostdev'><address type='pci' domain='1' bus='0x0a' slot='0X1F' function='7'/></forward>": (
        "forward",
        Forward(mode=ForwardMode.HOSTDEV, addresses=(PciAddress(domain=1, bus=10, slot=31, function=7),)),
    ),
    "<ip address='10.20.0.1' netmask='255.255.0.0' family='ipv4' localPtr='yes'><tftp root='/srv'/></ip>": (
        "ips",
        (
            Ip(
                address=IPv4Address("10.20.0.1"),
                family="ipv4",
                netmask=IPv4Address("255.255.0.0"),
                local_ptr=True,
                tftp=Tftp(root="/srv"),
            ),
        ),
    ),
    "<ip family='ipv6' address='2001:DB8:0::1' prefix='64'/>": (
        "ips",
        (Ip(address=IPv6Address("2001:db8::1"), family="ipv6", prefix=64),),
    ),
    "<forward mode='passthrough' dev='eth0'/>"
    "<vlan trunk='yes'><tag id='42' nativeMode='untagged'/><tag id='43'/></vlan>": (
        "vlan",
        Vlan(tags=(VlanTag(id=42, native_mode="untagged"), VlanTag(id=43)), trunk=True),
    ),
    "<virtualport type='802.1Qbg'><parameters managerid='1' typeid='2' typeidversion='3'/></virtualport>": (
        "virtual_port",
        VirtualPort(type="802.1Qbg", parameters=VirtualPortParameters(manager_id=1, type_id=2, type_id_version=3)),
    ),
    "<portgroup name='staff' default='Yes' trustGuestRxFilters='yes'><virtualport/></portgroup>"
    "<portgroup name='all'/>": (
        "portgroups",
        (
            PortGroup(name="staff", default=True, trust_guest_rx_filters=True, virtual_port=VirtualPort()),
            PortGroup(name="all"),
        ),
    ),
}


@pytest.mark.parametrize(("written", "name", "value"), [(text, *held) for text, held in PARTS.items()], ids=PARTS)
def test_each_part_of_a_definition_becomes_a_value(written: str, name: str, value: object) -> None:
    assert getattr(read(written), name) == value


def test_dhcp_with_its_ranges_hosts_and_leases() -> None:
    (ip,) = read("""\
<ip address='10.20.0.1' prefix='24'>
  <dhcp>
    <range start='10.20.0.100' end='10.20.0.199'><lease expiry='2' unit='hours'/></range>
    <host mac='52:54:00:00:00:01' name='one' ip='10.20.0.10'><lease expiry='0x10'/></host>
    <host name='two' ip='10.20.0.11'/>
    <bootp file='pxelinux.0' server='10.20.0.2'/>
  </dhcp>
</ip>""").ips
    assert ip.dhcp == Dhcp(
        ranges=(
            DhcpRange(
                start=IPv4Address("10.20.0.100"),
                end=IPv4Address("10.20.0.199"),
                lease=Lease(expiry=2, unit="hours"),
            ),
        ),
        hosts=(
            DhcpHost(mac="52:54:00:00:00:01", name="one", ip=IPv4Address("10.20.0.10"), lease=Lease(expiry=16)),
            DhcpHost(name="two", ip=IPv4Address("10.20.0.11")),
        ),
        bootp=Bootp(file="pxelinux.0", server=IPv4Address("10.20.0.2")),
    )


@pytest.mark.parametrize(
    ("dhcp", "gives"),
    [
        ("", False),
        ("<dhcp/>", False),
        ("<dhcp><bootp file='pxelinux.0'/></dhcp>", False),
        ("<dhcp><range start='10.20.0.2' end='10.20.0.9'/></dhcp>", True),
        ("<dhcp><host name='one' ip='10.20.0.10'/></dhcp>", True),
    ],
)
def test_dhcp_gives_addresses_where_it_has_any_to_give(dhcp: str, *, gives: bool) -> None:
    (ip,) = read(f"<ip address='10.20.0.1' prefix='24'>{dhcp}</ip>").ips
    assert ip.gives_addresses is gives


def test_the_records_and_forwarders_of_dns() -> None:
    assert read("""\
<dns enable='yes' forwardPlainNames='no'>
  <forwarder addr='192.0.2.53'/>
  <forwarder domain='lab.example' addr='2001:db8::53'/>
  <txt name='lab' value='a text'/>
  <srv service='ldap' protocol='tcp' domain='d' target='t' port='389' priority='0' weight='5'/>
  <host ip='10.20.0.5'><hostname>five</hostname><hostname>cinq</hostname></host>
</dns>""").dns == Dns(
        enable=True,
        forward_plain_names=False,
        forwarders=(
            DnsForwarder(address=IPv4Address("192.0.2.53")),
            DnsForwarder(address=IPv6Address("2001:db8::53"), domain="lab.example"),
        ),
        txts=(DnsTxt(name="lab", value="a text"),),
        srvs=(DnsSrv(service="ldap", protocol="tcp", domain="d", target="t", port=389, priority=0, weight=5),),
        hosts=(DnsHost(ip=IPv4Address("10.20.0.5"), names=("five", "cinq")),),
    )


def test_routes() -> None:
    network = read(f"""{IP}
<route address='10.99.0.0' netmask='255.255.0.0' gateway='10.20.0.2' metric='7'/>
<route family='ipv4' gateway='10.20.0.3'/>""")
    assert network.routes == (
        Route(
            address=IPv4Address("10.99.0.0"),
            netmask=IPv4Address("255.255.0.0"),
            gateway=IPv4Address("10.20.0.2"),
            metric=7,
        ),
        Route(family="ipv4", gateway=IPv4Address("10.20.0.3")),
    )


# What follows from several settings


@pytest.mark.parametrize(
    ("attributes", "subnet"),
    [
        ("address='192.168.122.1' prefix='24'", "192.168.122.0/24"),
        ("address='192.168.122.1' netmask='255.255.255.0'", "192.168.122.0/24"),
        ("address='192.168.122.77' prefix='27'", "192.168.122.64/27"),
        ("address='10.20.0.1'", "10.0.0.0/8"),
        ("address='127.20.0.1'", "127.0.0.0/8"),
        ("address='128.20.0.1'", "128.20.0.0/16"),
        ("address='191.20.0.1'", "191.20.0.0/16"),
        ("address='192.20.0.1'", "192.20.0.0/24"),
        ("address='223.20.0.1'", "223.20.0.0/24"),
        ("address='10.20.0.1' prefix='0'", "10.0.0.0/8"),
        ("address='10.20.0.1' prefix='0' netmask='255.255.0.0'", "10.20.0.0/16"),
        ("address='10.20.0.1' netmask='255.255.255.255'", "10.20.0.1/32"),
        ("address='2001:db8:1::1' family='ipv6'", "2001:db8:1::/64"),
        ("address='2001:db8:1::1' family='ipv6' prefix='48'", "2001:db8:1::/48"),
    ],
)
def test_the_subnet_is_that_of_prefix_else_netmask_else_class_or_64_bits(attributes: str, subnet: str) -> None:
    (ip,) = read(f"<ip {attributes}/>").ips
    assert ip.subnet == ip_network(subnet)


@pytest.mark.parametrize(
    ("forward", "device"),
    [
        ("", None),
        ("<forward/>", None),
        ("<forward dev='eth0'/>", "eth0"),
        ("<forward><interface dev='eth1'/></forward>", "eth1"),
        ("<forward dev='eth1'><interface dev='eth1'/></forward>", "eth1"),
    ],
)
def test_traffic_leaves_by_the_device_or_the_first_interface(forward: str, device: str | None) -> None:
    assert read(f"{forward}{IP}").forward_device == device


# What libvirt ignores


def test_unknown_attributes_and_elements_are_kept_with_a_warning_that_names_what_was_meant() -> None:
    reading = looked_at("<bridge name='virbr0' zoone='lab'><vlan><tag id='1'/></vlan></bridge>\n<domian name='x'/>")
    bridge = reading.network.bridge
    assert bridge is not None
    assert bridge.others == Others((("zoone", "lab"),), ('<vlan><tag id="1"/></vlan>',))
    assert reading.network.others == Others((), ('<domian name="x"/>',))
    assert [(problem.line, problem.element, problem.advice) for problem in reading.problems] == [
        (3, "<bridge>", "was 'zone' meant?"),
        (3, "<vlan>", "take it out, or look for its place"),
        (4, "<domian>", "was 'domain' meant?"),
    ]


def test_what_other_programs_put_in_a_namespace_of_theirs_is_kept_without_a_word() -> None:
    reading = looked_at(
        "<o:rack xmlns:o='urn:ours' o:row='3'>4</o:rack><bridge xmlns:o='urn:ours' o:by='me' name='b'/>"
    )
    assert reading.problems == ()
    assert reading.network.others.elements == ('<o:rack xmlns:o="urn:ours" o:row="3">4</o:rack>',)
    assert reading.network.bridge == Bridge(name="b", others=Others((("{urn:ours}by", "me"),)))


def test_metadata_is_kept_letter_by_letter() -> None:
    inside = '<o:any xmlns:o="urn:ours">  text\n <!-- and comment --> <b c="d"/></o:any>'
    assert read(f"<metadata>{inside}</metadata>").metadata == f"<metadata>{inside}</metadata>"


def test_of_two_elements_where_one_may_stand_the_first_counts_and_the_second_is_kept() -> None:
    reading = looked_at("<mtu size='1400'/>\n<mtu size='9000'/>")
    assert reading.network.mtu == Mtu(size=1400)
    assert reading.network.others.elements == ('<mtu size="9000"/>',)
    (problem,) = reading.problems
    assert (problem.line, problem.message) == (4, "<mtu> stands here more than once: libvirt ignores this one")


def test_of_two_mtus_the_first_that_has_a_size_counts() -> None:
    reading = looked_at("<mtu/>\n<mtu size='9000'/>")
    assert reading.network.mtu == Mtu(size=9000)
    (problem,) = reading.problems
    assert (problem.line, problem.message) == (3, "<mtu> stands here more than once: libvirt ignores this one")


def test_what_only_a_running_network_shows_is_no_part_of_the_definition() -> None:
    reading = examine(
        b"<network connections='3'><name>lab</name>"
        b"<forward mode='vepa'><interface dev='e' connections='2'/></forward></network>"
    )
    assert reading.problems == ()
    assert reading.network == read("<forward mode='vepa'><interface dev='e'/></forward>")


def test_comments_and_processing_instructions_say_nothing() -> None:
    assert read("<!-- a --><mtu size='1400'><?b?><!-- c --></mtu>") == read("<mtu size='1400'/>")


def test_a_comment_within_the_name_is_not_part_of_it() -> None:
    assert read_network(b"<network><name>l<!-- comment -->ab</name></network>").name == "lab"


# Encodings and places


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_a_definition_may_come_in_any_encoding_that_it_declares(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    text = f"<?xml version='1.0' encoding='{declared}'?><network><name>Prüfstand</name></network>"
    assert read_network(text.encode(encoding)).name == "Prüfstand"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_lines_are_counted_from_one_whatever_they_end_with(line_end: str) -> None:
    lines = ["<network>", "<name>lab</name>", "", "<mtu", " size='1'/>", "<mac address=''/>", "<zzz/>", "</network>"]
    reading = examine(line_end.join(lines).encode())
    assert reading.line_of("") == 1
    assert reading.line_of("name") == 2
    assert reading.line_of("mac") == 6
    assert reading.line_of("mac/not/there") == 6
    assert [problem.line for problem in reading.problems] == [5, 7]
