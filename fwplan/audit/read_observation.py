"""From what programs printed on a host to an observation: a bundle of `fwplan collect`, or what nft or iptables saved.

What each of them printed is told apart by its form, so that files can be given in any order and without options.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fwplan.audit.observation import Observation
from fwplan.audit.read_world import read_world
from fwplan.errors import UnreadableError
from fwplan.nft.listing import Listing, listing_of
from fwplan.nft.read_ruleset import read_items
from fwplan.nft.ruleset import Ruleset

if TYPE_CHECKING:
    from collections.abc import Iterable

BUNDLE_VERSION = 1
"""Of the form of a bundle; within a version, parts are added, and none is taken away or changes its meaning."""

_NO_OBSERVATION = "neither a bundle of `fwplan collect`, nor what `nft -j list ruleset` or `iptables-save` prints"


def read_observation(files: Iterable[tuple[str, bytes]]) -> Observation:
    """Read what was saved of one host.

    Args:
        files: each with its name, for messages.

    Raises:
        UnreadableError: a file is none of those, or is damaged; or two say the same differently.
    """
    bundle: dict[str, Any] = {}
    for name, content in files:
        try:
            parts = _parts(content)
        except UnreadableError as error:
            raise UnreadableError(f"{name}: {error}") from None
        doubled = sorted(bundle.keys() & parts.keys())
        if doubled:
            raise UnreadableError(f"{name}: it has {doubled[0]}, which an earlier file has")
        bundle |= parts
    return observation_of(bundle)


def observation_of(bundle: Mapping[str, Any]) -> Observation:
    """Read the parts of a bundle.

    Args:
        bundle: `nftables` as `nft -j -a list ruleset` prints it, as text or as values; `addresses` and `routes` as `ip
            -j` does; `iptables-nft-save` and the like as these programs do; `settings` by name.

    Raises:
        UnreadableError: a part is not of its form.
    """
    draft = _Draft()
    if "nftables" in bundle:
        draft.add_nftables(bundle["nftables"])
    settings = bundle.get("settings", {})
    if not isinstance(settings, Mapping) or not all(isinstance(value, str) for value in settings.values()):
        raise UnreadableError("the settings are no texts by name")
    world = read_world(bundle.get("addresses"), bundle.get("routes"), settings)
    draft.seen |= {name for name in ("addresses", "routes", "settings") if name in bundle}
    return Observation(draft.ruleset, draft.listing, world=world, settings=settings, seen=frozenset(draft.seen))


@dataclass
class _Draft:
    """An observation while it is read."""

    ruleset: Ruleset = field(default_factory=Ruleset)
    listing: Listing = field(default_factory=Listing)
    seen: set[str] = field(default_factory=set)

    def add_nftables(self, given: object) -> None:
        """What nft lists; both the general and libvirt's own reading are made of one parsing."""
        items = _items(_parsed(given) if isinstance(given, str | bytes) else given)
        self.ruleset = read_items(items)
        self.listing = listing_of(items)
        self.seen.add("nftables")


def _items(listed: object) -> list[Any]:
    items = listed.get("nftables") if isinstance(listed, dict) else None
    if not isinstance(items, list):
        raise UnreadableError('not a ruleset as `nft -j list ruleset` prints it: there is no list "nftables" in it')
    return items


def _parts(content: bytes) -> Mapping[str, Any]:
    """What a file has, by the name that it has in a bundle."""
    begin = content[:1024].lstrip()
    if not begin.startswith(b"{"):
        raise UnreadableError(_NO_OBSERVATION)
    document = _parsed(content)
    if not isinstance(document, dict):
        raise UnreadableError(_NO_OBSERVATION)
    if "nftables" in document and "fwplan" not in document:
        return {"nftables": document}
    if document.get("fwplan") != BUNDLE_VERSION or "collected" not in document:
        raise UnreadableError(_NO_OBSERVATION)
    return {name: part for name, part in document.items() if name not in {"fwplan", "collected"}}


def _parsed(text: str | bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text)
    except RecursionError:
        raise UnreadableError("it is nested too deeply") from None
    except ValueError as error:
        raise UnreadableError(f"no JSON: {error}") from None
