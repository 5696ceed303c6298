"""Distances between coarse places, without a map: pure functions over numbers.

Two areas with a centre are as far apart as their centres. An area without one is reached over the
edges of the tree and between neighbours, STEP_KM each, and from there on in straight lines.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from math import asin, ceil, cos, floor, radians, sin, sqrt
from typing import Final

MAX_REACH_KM: Final = 60
STEP_KM: Final = 3
EARTH_KM: Final = 6371.0088

Centre = tuple[float, float]
Point = tuple[float, float, float]
Edges = Mapping[int, Mapping[int, float]]


def within_reach(
    area_ids: Iterable[int], centres: Mapping[int, Centre], edges: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int, int]]:
    """(to, km, from) for every ordered pair of areas at most MAX_REACH_KM apart.

    `centres`: area id → (latitude, longitude) in degrees, of those that have one. `edges`: pairs
    of ids, in either order. km is rounded up, so only an area itself is 0 km away.
    """
    straight = _straight_lines(centres)
    graph = _with_steps(straight, centres, edges)
    for area in area_ids:
        reached = _shortest_paths(graph, area) if area not in centres else straight.get(area, {})
        yield area, 0, area
        for other, km in reached.items():
            yield area, _whole(km), other
            if area not in centres and other in centres:
                yield other, _whole(km), area


def _straight_lines(centres: Mapping[int, Centre]) -> dict[int, dict[int, float]]:
    """km between every two centres in reach of each other, both ways.

    Centres become points on a globe, sorted into cubes as wide as the reach: only the same and
    the touching cubes are compared, and neither a pole nor the date line is a special case.
    """
    cubes: defaultdict[tuple[int, ...], list[tuple[int, Point]]] = defaultdict(list)
    for area, centre in centres.items():
        point = _on_globe(centre)
        cubes[tuple(floor(c / MAX_REACH_KM) for c in point)].append((area, point))
    lines: defaultdict[int, dict[int, float]] = defaultdict(dict)
    for cube, inside in cubes.items():
        for offset in product((-1, 0, 1), repeat=3):
            beside = cubes.get(tuple(a + b for a, b in zip(cube, offset, strict=True)), ())
            for (area, point), (other, end) in product(inside, beside):
                # Each pair is met from both sides; the smaller number does the work.
                if area < other and (km := _arc(point, end)) <= MAX_REACH_KM:
                    lines[area][other] = lines[other][area] = km
    return lines


def _on_globe(centre: Centre) -> Point:
    latitude, longitude = radians(centre[0]), radians(centre[1])
    ring = EARTH_KM * cos(latitude)
    return ring * cos(longitude), ring * sin(longitude), EARTH_KM * sin(latitude)


def _arc(a: Point, b: Point) -> float:
    """km along the ground between two points of the globe."""
    chord = sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2)
    return 2 * EARTH_KM * asin(min(1.0, chord / (2 * EARTH_KM)))


def _with_steps(straight: Edges, centres: Mapping[int, Centre], edges: Iterable[tuple[int, int]]) -> Edges:
    """The straight lines, and a step for each edge with an end that has no centre."""
    graph = {area: dict(lines) for area, lines in straight.items()}
    for a, b in edges:
        if a not in centres or b not in centres:
            graph.setdefault(a, {})[b] = graph.setdefault(b, {})[a] = STEP_KM
    return graph


def _shortest_paths(graph: Edges, start: int) -> dict[int, float]:
    """km to everything in reach of `start`, without itself (Dijkstra 1959)."""
    best: dict[int, float] = {}
    waiting = [(0.0, start)]
    while waiting:
        km, area = heapq.heappop(waiting)
        if area in best:
            continue
        best[area] = km
        for other, more in graph.get(area, {}).items():
            if other not in best and km + more <= MAX_REACH_KM:
                heapq.heappush(waiting, (km + more, other))
    del best[start]
    return best


def _whole(km: float) -> int:
    # Sums of steps and lines carry rounding errors; a millimetre must not cost a kilometre.
    return max(1, ceil(km - 1e-6))
