"""Networks of one host that translate the same sources, each otherwise: the order in which they are started decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.network.problems import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fwplan.network.addressing import Address, Subnet
    from fwplan.network.definition import Network

_USUAL_PORTS = (1024, 65535)


@dataclass(frozen=True, slots=True)
class _Translation:
    """What becomes of the source of packets that leave.

    Attributes:
        device: by which they leave; None for any.
        addresses: the first and the last that they may get; None for that of the device.
        ports: the first and the last that TCP and UDP may get.
    """

    device: str | None
    addresses: tuple[Address, Address] | None
    ports: tuple[int, int]

    def contradicts(self, other: _Translation) -> bool:
        """Whether one packet is about both, and becomes something else by each."""
        if self.device is not None and other.device is not None and self.device != other.device:
            return False
        return (self.addresses, self.ports) != (other.addresses, other.ports)


@dataclass(frozen=True, slots=True)
class _Translated:
    """A subnet whose sources are translated.

    Attributes:
        place: of the definition, from 0.
        index: of the subnet in it, from 1.
        subnet: the subnet.
        translation: of its sources.
    """

    place: int
    index: int
    subnet: Subnet
    translation: _Translation


def translation_conflicts(networks: Sequence[Network]) -> Iterator[tuple[int, Problem]]:
    """For each subnet the first one around it, or the same, that another network translates otherwise."""
    translated = sorted(
        _translated(networks),
        key=lambda each: (
            each.subnet.version,
            int(each.subnet.network_address),
            each.subnet.prefixlen,
            each.place,
            each.index,
        ),
    )
    # Subnets either nest or are apart. Of those that are translated alike the outermost stands for all.
    around: list[_Translated] = []
    for each in translated:
        around = [other for other in around if _contains(other.subnet, each.subnet)]
        for other in around:
            if other.translation.contradicts(each.translation):
                yield _conflict(networks, each, other)
                break
        if all(other.translation != each.translation for other in around):
            around.append(each)


def _translated(networks: Sequence[Network]) -> Iterator[_Translated]:
    for place, network in enumerate(networks):
        for index, subnet in enumerate((ip.subnet for ip in network.ips), start=1):
            translation = _translation(network, subnet.version)
            if translation is not None:
                yield _Translated(place, index, subnet, translation)


def _translation(network: Network, version: int) -> _Translation | None:
    """None where sources stay as they are."""
    nat = None if network.forward is None else network.forward.nat
    if not network.meaning.source_nat or (version == 6 and not (nat is not None and nat.ipv6)):
        return None
    addresses = None if nat is None or nat.address is None or version == 6 else (nat.address.start, nat.address.end)
    ports = _USUAL_PORTS if nat is None or nat.port is None or not nat.port.end else (nat.port.start, nat.port.end)
    return _Translation(network.forward_device, addresses, ports)


def _contains(outer: Subnet, inner: Subnet) -> bool:
    return outer.version == inner.version and inner.network_address in outer


def _conflict(networks: Sequence[Network], one: _Translated, other: _Translated) -> tuple[int, Problem]:
    later, earlier = (one, other) if one.place > other.place else (other, one)
    message = (
        f"{later.subnet} overlaps {earlier.subnet}, whose sources network '{networks[earlier.place].name}' translates "
        "otherwise: what comes from both gets the source that the network started last gives it"
    )
    advice = "choose another subnet, or give both the same <nat>"
    return later.place, Problem(Severity.WARNING, f"ip[{later.index}]", message, advice)
