"""From definitions to operations, by example: what is promised, in which order, and what several networks come to."""

from __future__ import annotations

import pytest

from fwplan.network.modes import ForwardMode
from fwplan.network.problems import InvalidDefinitionError
from fwplan.network.read import read_network
from fwplan.plan.intents import (
    Family,
    GuestsTalk,
    Intent,
    JoinZone,
    KeepSource,
    MayEnter,
    MayLeave,
    ReachService,
    RefuseEntering,
    RefuseLeaving,
    RepairChecksums,
    RepliesReturn,
    Service,
    TranslateSource,
)
from fwplan.plan.operations import Verb
from fwplan.plan.plan import Backend, Plan, make_plan
from fwplan.plan.promises import promises
from fwplan.preview.render import Format, render

_V4 = "<ip address='10.1.0.1' prefix='24'><dhcp><range start='10.1.0.2' end='10.1.0.9'/></dhcp></ip>"
_V6 = "<ip family='ipv6' address='2001:db8::1' prefix='64'/>"


def _text(forward: str = "", body: str = _V4, attributes: str = "", bridge: str = "<bridge name='virbr1'/>") -> bytes:
    return f"<network{attributes}><name>lab</name>{forward}{bridge}{body}</network>".encode()


def _promises(forward: str = "", body: str = _V4, attributes: str = "") -> tuple[Intent, ...]:
    return promises(read_network(_text(forward, body, attributes)), "virbr1")


def _kinds(intents: tuple[Intent, ...]) -> list[type[Intent]]:
    return [type(intent) for intent in intents]


def _commands(
    *definitions: bytes, backend: Backend = Backend.NFTABLES, set_up: bool = True, firewalld: bool = False
) -> list[str]:
    networks = [read_network(text) for text in definitions]
    plan = make_plan(networks, backend=backend, set_up=set_up, firewalld=firewalld)
    return render(plan, Format.COMMANDS).splitlines()


_IPV4_SERVICES = [ReachService, ReachService]
_REFUSED = [RefuseLeaving, RefuseEntering, GuestsTalk]


class TestPromises:
    """What each mode promises."""

    def test_an_isolated_network_promises_that_guests_reach_each_other_and_the_host_only(self) -> None:
        assert _kinds(_promises()) == [RepairChecksums, *_IPV4_SERVICES, *_REFUSED]

    def test_nat_lets_guests_out_and_only_replies_in(self) -> None:
        assert _kinds(_promises("<forward mode='nat'/>"))[6:] == [
            MayLeave,
            RepliesReturn,
            TranslateSource,
            TranslateSource,
            TranslateSource,
            KeepSource,
            KeepSource,
        ]

    def test_route_lets_guests_out_and_anybody_in(self) -> None:
        assert _kinds(_promises("<forward mode='route'/>"))[6:] == [MayLeave, MayEnter]

    @pytest.mark.parametrize("forward", ["<forward mode='open'/>", "<forward mode='bridge'/>"])
    def test_open_and_bridge_promise_nothing(self, forward: str) -> None:
        body = "" if "bridge" in forward else _V4 + _V6
        assert _promises(forward, body) == ()

    @pytest.mark.parametrize("mode", ["bridge", "private", "vepa", "passthrough", "hostdev"])
    def test_attached_networks_promise_nothing(self, mode: str) -> None:
        text = f"<network><name>lab</name><forward mode='{mode}'/></network>".encode()
        network = read_network(text)
        assert network.mode is ForwardMode(mode)
        assert promises(network, "none") == ()

    def test_a_network_without_addresses_still_refuses(self) -> None:
        assert _kinds(_promises(body="")) == [RepairChecksums, *_IPV4_SERVICES, *_REFUSED]
        assert RepairChecksums("virbr1", serves_dhcp=False) in _promises(body="")

    def test_an_ipv6_address_brings_dns_and_dhcpv6(self) -> None:
        ipv6 = [intent for intent in _promises(body=_V6) if getattr(intent, "family", None) is Family.IPV6]
        assert ipv6 == [
            RefuseLeaving("virbr1", Family.IPV6),
            RefuseEntering("virbr1", Family.IPV6),
            GuestsTalk("virbr1", Family.IPV6),
            ReachService("virbr1", Family.IPV6, Service.DNS),
            ReachService("virbr1", Family.IPV6, Service.DHCPV6),
        ]

    def test_ipv6_without_an_address_is_between_guests_only(self) -> None:
        ipv6 = [
            intent for intent in _promises(attributes=" ipv6='yes'") if getattr(intent, "family", None) is Family.IPV6
        ]
        assert [type(intent) for intent in ipv6] == _REFUSED

    def test_nat_routes_ipv6_unless_it_is_told_to_translate_it(self) -> None:
        routed = _promises("<forward mode='nat'/>", _V4 + _V6)
        translated = _promises("<forward mode='nat'><nat ipv6='yes'/></forward>", _V4 + _V6)
        assert [type(intent) for intent in routed[-2:]] == [MayLeave, MayEnter]
        assert isinstance(translated[-1], KeepSource)
        assert str(translated[-1].destination) == "ff02::/16"

    def test_tftp_is_reached_where_it_is_served(self) -> None:
        served = "<ip address='10.1.0.1' prefix='24'><tftp root='/srv/tftp'/></ip>"
        assert ReachService("virbr1", Family.IPV4, Service.TFTP) in _promises(body=served)
        assert ReachService("virbr1", Family.IPV4, Service.TFTP) not in _promises()

    def test_each_subnet_has_promises_of_its_own(self) -> None:
        body = _V4 + "<ip address='10.2.0.1' prefix='16'/>"
        leaving = [intent for intent in _promises("<forward mode='route'/>", body) if isinstance(intent, MayLeave)]
        assert [str(intent.subnet) for intent in leaving] == ["10.1.0.0/24", "10.2.0.0/16"]

    def test_a_forward_device_is_the_only_way_out(self) -> None:
        found = _promises("<forward mode='nat' dev='eth0'/>")
        devices = {intent.device for intent in found if isinstance(intent, MayLeave | RepliesReturn | TranslateSource)}
        assert devices == {"eth0"}

    def test_every_promise_has_a_reason_in_words(self) -> None:
        for intent in _promises("<forward mode='nat'><nat ipv6='yes'/></forward>", _V4 + _V6):
            assert intent.promise
            assert intent.promise[0].isupper()
            assert intent.reason
            assert not intent.reason.endswith(".")


class TestNftables:
    """Operations of the nftables backend."""

    def test_the_set_up_comes_once_and_first(self) -> None:
        other = _text().replace(b"lab", b"other").replace(b"virbr1", b"virbr2").replace(b"10.1", b"10.3")
        commands = _commands(_text(), other)
        tables = [number for number, line in enumerate(commands) if "add table" in line]
        assert tables == [0, 9]
        assert all("virbr" not in line for line in commands[:18])

    def test_without_set_up_only_the_networks_own_operations_are_left(self) -> None:
        assert _commands(_text(), set_up=False) == _commands(_text())[18:]

    def test_no_set_up_where_no_network_has_rules(self) -> None:
        assert _commands(_text("<forward mode='open'/>")) == []

    def test_the_queue_and_the_filter_for_checksums_come_before_the_rules(self) -> None:
        assert [line.split()[0] for line in _commands(_text(), set_up=False)] == ["tc", "tc", "nft", "nft", "nft"]

    def test_rules_name_the_bridge_by_index_and_a_device_by_name(self) -> None:
        line = _commands(_text("<forward mode='route' dev='eth0'/>"), set_up=False)[-1]
        assert "oif virbr1" in line
        assert "iifname eth0" in line

    def test_ports_and_addresses_of_nat(self) -> None:
        forward = (
            "<forward mode='nat'><nat><address start='198.51.100.1' end='198.51.100.4'/>"
            "<port start='500' end='1000'/></nat></forward>"
        )
        lines = [line for line in _commands(_text(forward), set_up=False) if "snat" in line]
        assert [line.partition("snat to ")[2] for line in lines] == [
            "198.51.100.1-198.51.100.4",
            "198.51.100.1-198.51.100.4:500-1000",
            "198.51.100.1-198.51.100.4:500-1000",
        ]

    def test_the_default_ports_are_the_unprivileged_ones(self) -> None:
        lines = [line for line in _commands(_text("<forward mode='nat'/>"), set_up=False) if "masquerade" in line]
        assert [line.partition("masquerade")[2] for line in lines] == ["", " to :1024-65535", " to :1024-65535"]


class TestIptables:
    """Operations of the iptables backend."""

    def test_services_are_let_in_before_anything_is_refused(self) -> None:
        lines = _commands(_text(), backend=Backend.IPTABLES, set_up=False)
        assert [line.split()[5] for line in lines] == [
            *["LIBVIRT_INP", "LIBVIRT_INP", "LIBVIRT_OUT", "LIBVIRT_OUT"] * 2,
            "LIBVIRT_FWO",
            "LIBVIRT_FWI",
            "LIBVIRT_FWX",
            "LIBVIRT_PRT",
        ]

    def test_the_repair_of_checksums_may_fail_and_comes_last(self) -> None:
        plan = make_plan([read_network(_text())], backend=Backend.IPTABLES)
        assert [operation.may_fail for operation in plan.networks[0].operations] == [False] * 11 + [True]

    def test_without_dhcp_no_checksums_are_repaired(self) -> None:
        body = "<ip address='10.1.0.1' prefix='24'/>"
        assert not any("CHECKSUM" in line for line in _commands(_text(body=body), backend=Backend.IPTABLES))

    def test_both_families_have_the_same_chains(self) -> None:
        lines = _commands(_text(), backend=Backend.IPTABLES)[:28]
        assert [line.replace("ip6tables", "iptables") for line in lines[14:]] == lines[:14]


class TestZones:
    """Zones of firewalld."""

    @pytest.mark.parametrize(
        ("forward", "zone"),
        [("", "libvirt"), ("<forward mode='nat'/>", "libvirt"), ("<forward mode='route'/>", "libvirt-routed")],
    )
    def test_a_bridge_joins_the_zone_of_its_mode(self, forward: str, zone: str) -> None:
        first = _commands(_text(forward), set_up=False, firewalld=True)[0]
        assert first == f"firewall-cmd --zone={zone} --change-interface=virbr1"

    def test_a_bridge_joins_the_zone_that_it_names(self) -> None:
        text = _text("<forward mode='open'/>", bridge="<bridge name='virbr1' zone='work'/>")
        assert _commands(text, firewalld=True) == ["firewall-cmd --zone=work --change-interface=virbr1"]
        assert isinstance(_plan(text, firewalld=True).operations[0].intent, JoinZone)

    def test_an_open_network_joins_none_by_itself(self) -> None:
        assert _commands(_text("<forward mode='open'/>"), firewalld=True) == []

    def test_without_firewalld_there_are_no_zones(self) -> None:
        assert not any("firewall-cmd" in line for line in _commands(_text()))


class TestSeveral:
    """Definitions that are planned together."""

    def test_operations_come_network_by_network(self) -> None:
        texts = [
            _text().replace(b"lab", name).replace(b"virbr1", name).replace(b"10.1.", address)
            for name, address in ((b"one", b"10.3."), (b"two", b"10.4."), (b"three", b"10.5."))
        ]
        together = _commands(*texts, set_up=False)
        assert together == [line for text in texts for line in _commands(text, set_up=False)]

    def test_bridges_without_a_name_are_numbered_past_those_with_one(self) -> None:
        unnamed = _text(bridge="").replace(b"lab", b"other").replace(b"10.1", b"10.3")
        named = _text(bridge="<bridge name='virbr0'/>")
        plan = make_plan([read_network(unnamed), read_network(named)])
        assert [share.bridge for share in plan.networks] == ["virbr1", "virbr0"]

    def test_definitions_that_exclude_each_other_are_refused(self) -> None:
        with pytest.raises(InvalidDefinitionError, match="was given before"):
            make_plan([read_network(_text()), read_network(_text())])


class TestInverse:
    """Taking away again."""

    @pytest.mark.parametrize("backend", Backend)
    def test_the_inverse_takes_away_each_thing_that_was_made_in_reverse(self, backend: Backend) -> None:
        plan = make_plan([read_network(_text("<forward mode='nat'/>"))], backend=backend)
        away = plan.inverse.operations
        assert [operation.object for operation in away] == [operation.object for operation in reversed(plan.operations)]
        assert {operation.verb for operation in away} == {Verb.TAKE_AWAY}

    def test_the_inverse_of_the_inverse_is_the_plan(self) -> None:
        plan = _plan(_text("<forward mode='nat'/>"))
        assert plan.inverse.inverse == plan


def _plan(text: bytes, *, firewalld: bool = False) -> Plan:
    return make_plan([read_network(text)], firewalld=firewalld)
