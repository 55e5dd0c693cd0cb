"""What is not known of a ruleset's function, and because of which statement."""

from __future__ import annotations

from fwplan.prove.dimensions import Dimension
from fwplan.simulate.outcome import Doubt

_NAMES = {
    Dimension.SOURCE: "the source address",
    Dimension.DESTINATION: "the destination address",
    Dimension.PROTOCOL: "the protocol",
    Dimension.SOURCE_PORT: "the source port",
    Dimension.DESTINATION_PORT: "the destination port",
    Dimension.TCP_FLAGS: "the flags of TCP",
    Dimension.ICMP_TYPE: "the type of ICMP",
    Dimension.ICMP_CODE: "the code of ICMP",
    Dimension.MARK: "the mark",
    Dimension.PACKET_TYPE: "the packet's type",
    Dimension.STATE: "the state of the connection",
}


class Doubts:
    """Numbers for doubts, as diagrams know them."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._doubts: list[Doubt] = []

    def __len__(self) -> int:
        return len(self._doubts)

    def number(self, doubt: Doubt) -> int:
        """The number of a doubt."""
        key = (doubt.statement, doubt.why, doubt.place, doubt.position)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._doubts)
            self._doubts.append(doubt)
        return found

    def __getitem__(self, number: int) -> Doubt:
        if number >= 0:
            return self._doubts[number]
        name = _NAMES.get(Dimension(-1 - number), "an attribute")
        return Doubt(f"{name} after it was rewritten", "a rule asks for it, and it is not known any more")
