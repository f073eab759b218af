# lkedge: pure
"""The media graph of a capture system: from the HDMI bridge over the receiver to the node with the pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

BRIDGES = ("tc358743", "adv7604", "adv7611", "adv7612", "adv7842", "tda1997", "lt6911", "it6616", "gsv2")
"""How the names of the entities of HDMI receivers begin."""

Node = tuple[int, int]
"""Major and minor number of a device node."""


@dataclass(frozen=True, slots=True)
class Entity:
    """node: None for one without a device node. is_video: it is a node with pictures, not a subdevice."""

    id: int
    name: str
    node: Node | None
    is_video: bool


@dataclass(frozen=True, slots=True)
class Pad:
    id: int
    entity: int
    index: int
    is_source: bool


@dataclass(frozen=True, slots=True)
class Link:
    """From the pad `source` to the pad `sink`, by their ids."""

    source: int
    sink: int
    is_enabled: bool
    is_immutable: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """One media device."""

    entities: Sequence[Entity]
    pads: Sequence[Pad]
    links: Sequence[Link]

    def bridges(self, name: str = "") -> list[Entity]:
        """The HDMI receivers with a node, those whose name begins with `name` when it is given."""
        wanted = (name,) if name else BRIDGES
        return [entity for entity in self.entities if entity.node and entity.name.lower().startswith(wanted)]

    def entity(self, number: int) -> Entity:
        return next(entity for entity in self.entities if entity.id == number)

    def pad(self, number: int) -> Pad:
        return next(pad for pad in self.pads if pad.id == number)

    def route(self, bridge: Entity, node: Node | None = None) -> list[Link]:
        """The links from a bridge to a video node; to the nearest one without `node`. Empty when there is no way."""
        came_by: dict[int, Link | None] = {pad.id: None for pad in self._sources(bridge.id)}
        before: dict[int, int] = {}
        waiting = deque(came_by)
        while waiting:
            source = waiting.popleft()
            for link in self._links_from(source):
                if link.sink in before:
                    continue
                before[link.sink] = source
                entity = self.entity(self.pad(link.sink).entity)
                if entity.is_video and node in (None, entity.node):
                    return self._unwound(link, came_by)
                for pad in self._sources(entity.id):
                    if pad.id not in came_by:
                        came_by[pad.id] = link
                        waiting.append(pad.id)
        return []

    def _unwound(self, last: Link, came_by: dict[int, Link | None]) -> list[Link]:
        route: list[Link] = []
        link: Link | None = last
        while link is not None:
            route.append(link)
            link = came_by[link.source]
        return route[::-1]

    def _sources(self, entity: int) -> list[Pad]:
        pads = [pad for pad in self.pads if pad.entity == entity and pad.is_source]
        return sorted(pads, key=lambda pad: pad.index)

    def _links_from(self, pad: int) -> Iterator[Link]:
        return (link for link in self.links if link.source == pad)
