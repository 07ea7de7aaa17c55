"""The layered layout: boxes in rows, links between rows with few crossings.

Rows by longest path, order by medians of neighbours, horizontal places by weighted isotonic regression. Links that
would close a circle count as reversed, so that every link leads from one row to another; a link over several rows
passes through a place of its own in each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]

_SWEEPS = 12
_GAP_X = 36.0
_GAP_Y = 84.0
_BEND_WIDTH = 18.0
_PORT_GAP = 30.0


@dataclass(slots=True)
class Box:
    """A box on the picture; ``x`` is its centre, ``y`` its upper edge."""

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands; the picture reaches from (0, 0) to (width, height)."""

    boxes: Mapping[str, Box]
    routes: Sequence[Sequence[Point]]
    """For every link, in the order given, the points that it passes, straight down or up at each."""
    width: float
    height: float


def lay_out(sizes: Mapping[str, tuple[float, float]], links: Sequence[tuple[str, str]]) -> Layout:
    """Place boxes of these sizes; earlier links have more say in which box stands above which.

    A link from a box to itself has no points. Boxes without links fill rows of their own below the others.
    """
    joined = {end for source, target in links if source != target for end in (source, target)}
    linked = [key for key in sizes if key in joined]
    drawing = _Drawing({key: Box(*sizes[key]) for key in linked}, links)
    width, height = drawing.place()
    loose = {key: Box(*sizes[key]) for key in sizes if key not in joined}
    if loose:
        top = height + _GAP_Y / 2 if linked else 0.0
        loose_width, height = _fill_rows(loose.values(), top, max(width, 960.0))
        spread = max(width, loose_width)
        drawing.shift((spread - width) / 2)
        for box in loose.values():
            box.x += (spread - loose_width) / 2
        width = spread
    boxes = {key: box for key, box in (drawing.boxes | loose).items() if key in sizes}
    return Layout(boxes, drawing.routes(), width, height)


class _Drawing:
    def __init__(self, boxes: dict[str, Box], links: Sequence[tuple[str, str]]) -> None:
        self.boxes = boxes
        self.links = links
        self.rows: list[list[str]] = []
        self.chains: list[list[str]] = []
        """For every link the keys that it passes, from the upper row to the lower one."""
        self.upward: list[bool] = []
        self.bends: set[str] = set()
        """Keys of the places where links pass through a row."""
        self.floors: dict[str, float] = {}
        """Lower edge of the row of each key."""
        self.above: dict[str, list[str]] = {}
        self.below: dict[str, list[str]] = {}

    def place(self) -> tuple[float, float]:
        if not self.boxes:
            self.chains = [[] for _ in self.links]
            self.upward = [False for _ in self.links]
            return 0.0, 0.0
        self._make_rows(self._ranks())
        self._order_rows()
        return self._place_boxes()

    def shift(self, distance: float) -> None:
        for box in self.boxes.values():
            box.x += distance

    def _ranks(self) -> dict[str, int]:
        after: dict[str, list[str]] = {key: [] for key in self.boxes}
        for source, target in self.links:
            reversed_ = source != target and _reaches(after, target, source)
            self.upward.append(reversed_)
            if source != target and not reversed_:
                after[source].append(target)
        ranks = dict.fromkeys(self.boxes, 0)
        for _ in self.boxes:
            for source, targets in after.items():
                for target in targets:
                    ranks[target] = max(ranks[target], ranks[source] + 1)
        return ranks

    def _make_rows(self, ranks: Mapping[str, int]) -> None:
        self.rows = [[] for _ in range(max(ranks.values()) + 1)]
        for key, rank in ranks.items():
            self.rows[rank].append(key)
        for number, ((source, target), upward) in enumerate(zip(self.links, self.upward, strict=True)):
            if source == target:
                self.chains.append([])
                continue
            top, bottom = (target, source) if upward else (source, target)
            bends = [f"{number}/{rank}" for rank in range(ranks[top] + 1, ranks[bottom])]
            for rank, bend in enumerate(bends, ranks[top] + 1):
                self.boxes[bend] = Box(_BEND_WIDTH, 0.0)
                self.bends.add(bend)
                self.rows[rank].append(bend)
            self.chains.append([top, *bends, bottom])
        self.above = {key: [] for key in self.boxes}
        self.below = {key: [] for key in self.boxes}
        for chain in self.chains:
            for upper, lower in pairwise(chain):
                self.below[upper].append(lower)
                self.above[lower].append(upper)

    def _order_rows(self) -> None:
        best, fewest = [list(row) for row in self.rows], self._crossings()
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 0
            for index in range(1, len(self.rows)) if down else range(len(self.rows) - 2, -1, -1):
                fixed = {key: place for place, key in enumerate(self.rows[index - 1 if down else index + 1])}
                neighbours = self.above if down else self.below
                own = {key: place for place, key in enumerate(self.rows[index])}
                self.rows[index].sort(key=lambda k: (_middle([fixed[n] for n in neighbours[k]], own[k]), own[k]))
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(row) for row in self.rows], crossings
        self.rows = best

    def _crossings(self) -> int:
        total = 0
        for upper, lower in pairwise(self.rows):
            place = {key: index for index, key in enumerate(lower)}
            ends = [sorted(place[key] for key in self.below[source]) for source in upper]
            flat = [end for group in ends for end in group]
            total += sum(1 for i, end in enumerate(flat) for other in flat[i + 1 :] if other < end)
        return total

    def _place_boxes(self) -> tuple[float, float]:
        top = 0.0
        for row in self.rows:
            height = max(self.boxes[key].height for key in row)
            for key in row:
                self.boxes[key].y = top
                self.floors[key] = top + height
                if key in self.bends:
                    self.boxes[key].height = height
            top += height + _GAP_Y
            _pack([self.boxes[key] for key in row], [0.0] * len(row), [1.0] * len(row))
        for sweep in range(2 * _SWEEPS):
            down = sweep % 2 == 0
            neighbours = self.above if down else self.below
            for row in self.rows if down else reversed(self.rows):
                wanted = [_mean([self.boxes[n].x for n in neighbours[key]], self.boxes[key].x) for key in row]
                weights = [(4.0 if key in self.bends else 1.0) * max(len(neighbours[key]), 0.1) for key in row]
                _pack([self.boxes[key] for key in row], wanted, weights)
        left = min(box.x - box.width / 2 for box in self.boxes.values())
        self.shift(-left)
        return max(box.x + box.width / 2 for box in self.boxes.values()), top - _GAP_Y

    def routes(self) -> list[list[Point]]:
        leaving = self._ports(self.below, lower=True)
        arriving = self._ports(self.above, lower=False)
        routes = []
        for number, (chain, upward) in enumerate(zip(self.chains, self.upward, strict=True)):
            points: list[Point] = []
            for key in chain:
                box = self.boxes[key]
                if key != chain[0]:
                    points.append((arriving.get((number, key), box.x), box.y))
                if key != chain[-1]:
                    x = leaving.get((number, key), box.x)
                    points.append((x, box.y + box.height))
                    if self.floors[key] > box.y + box.height:
                        points.append((x, self.floors[key]))
            routes.append(points[::-1] if upward else points)
        return routes

    def _ports(self, neighbours: Mapping[str, list[str]], *, lower: bool) -> dict[tuple[int, str], float]:
        """Where links touch a box, side by side in the order of their other ends."""
        touching: dict[str, list[tuple[float, int]]] = {}
        for number, chain in enumerate(self.chains):
            if chain:
                key, other = (chain[0], chain[1]) if lower else (chain[-1], chain[-2])
                touching.setdefault(key, []).append((self.boxes[other].x, number))
        ports = {}
        for key, ends in touching.items():
            box = self.boxes[key]
            gap = min(_PORT_GAP, (box.width - 24) / len(ends))
            for place, (_, number) in enumerate(sorted(ends)):
                ports[number, key] = box.x + (place - (len(ends) - 1) / 2) * gap
        return ports


def _reaches(after: Mapping[str, list[str]], source: str, target: str) -> bool:
    seen, todo = {source}, [source]
    while todo:
        key = todo.pop()
        if key == target:
            return True
        for following in after[key]:
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return False


def _middle(places: Sequence[int], default: float) -> float:
    return sum(places) / len(places) if places else default


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _pack(boxes: Sequence[Box], wanted: Sequence[float], weights: Sequence[float]) -> None:
    """Move boxes as near to their wanted places as their order and gaps allow (least weighted squares)."""
    offsets = [0.0]
    for left, right in pairwise(boxes):
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + _GAP_X)
    blocks: list[tuple[float, float, int]] = []
    for place, weight, offset in zip(wanted, weights, offsets, strict=True):
        value, count = place - offset, 1
        while blocks and blocks[-1][0] > value:
            before, heavy, many = blocks.pop()
            value = (before * heavy + value * weight) / (heavy + weight)
            weight, count = heavy + weight, many + count
        blocks.append((value, weight, count))
    values = [value for value, _, count in blocks for _ in range(count)]
    for box, value, offset in zip(boxes, values, offsets, strict=True):
        box.x = value + offset


def _fill_rows(boxes: Iterable[Box], top: float, width: float) -> tuple[float, float]:
    """Set boxes side by side in rows of at most this width; the width and lower edge that they take."""
    x, used, lowest = 0.0, 0.0, top
    for box in boxes:
        if x and x + box.width > width:
            x, top = 0.0, lowest + _GAP_X
        box.x, box.y = x + box.width / 2, top
        x += box.width + _GAP_X
        used, lowest = max(used, x - _GAP_X), max(lowest, top + box.height)
    return used, lowest
