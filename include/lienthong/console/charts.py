"""Drawings of figures as SVG that the server writes: no script, no style of its own, and whatever is shown is escaped.

Colours and letters come from the style sheet by class. A drawing says by its ``<title>`` and ``<desc>`` what it shows;
the table beneath it, which the page writes, has every figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 840, 280
LEFT, RIGHT, TOP, BOTTOM = 66, 176, 18, 34
LETTER = 7.6
"""Roughly how wide a character of an axis is."""


@dataclass(frozen=True, slots=True)
class Point:
    """One period: its name on the axis, what is told of it when it is pointed at, and its value or None."""

    label: str
    told: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its name stands at its end; ``tone`` is a CSS class of the style sheet."""

    name: str
    points: Sequence[Point]
    tone: str = "main"


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis: from ``low`` to ``high`` in even steps that people count in."""

    low: float
    high: float
    step: float

    @property
    def ticks(self) -> list[float]:
        """The values that the axis names."""
        return [self.low + number * self.step for number in range(round((self.high - self.low) / self.step) + 1)]

    def beyond(self, value: float) -> bool:
        """Whether a value lies outside."""
        room = (self.high - self.low) * 1e-6
        return not self.low - room <= value <= self.high + room

    def share(self, value: float) -> float:
        """Where a value lies between the ends, 0 to 1."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def scale(values: Sequence[float], *, zero: bool, top: float | None = None, steps: int = 5) -> Scale:
    """An axis that holds all values; ``zero`` makes it begin there, ``top`` is where it ends at most."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if zero:
        low, high = min(0.0, low), max(0.0, high)
    if high - low < 1e-9:
        spread = abs(high) * 0.1 or 1.0
        low, high = (low if zero and low == 0 else low - spread), high + spread
        if top is not None and high > top:
            low, high = min(low, top - spread), top
    step = _nice((high - low) / steps)
    first, last = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    if top is not None and last > top >= high:
        last = first + math.ceil((top - first) / step - 1e-9) * step
        first, last = first - (last - top), top
    return Scale(first, last, step)


def _nice(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(number * power for number in (1, 2, 2.5, 5, 10) if rough <= number * power * (1 + 1e-9))


def line(
    ident: str,
    title: str,
    described: str,
    series: Sequence[Series],
    shown: Callable[[float], str],
    told: Callable[[float], str],
    *,
    target: tuple[float, str] | None = None,
    zero: bool = False,
    top: float | None = None,
    bridge: int = 0,
) -> Markup:
    """Values over time. ``shown`` writes a value of the axis, ``told`` the last one of a line. Over ``bridge`` missing
    periods in a row a line goes on, more of them break it. ``target`` is a value and its name."""
    known = [point.value for one in series for point in one.points if point.value is not None]
    if len([point for point in series[0].points if point.value is not None]) < 2:
        return Markup("")
    axis = scale([*known, *([target[0]] if target else [])], zero=zero, top=top)
    count = max(len(one.points) for one in series)
    across = WIDTH - LEFT - RIGHT

    def x(place: int) -> float:
        return LEFT + (across * place / (count - 1) if count > 1 else across / 2)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - axis.share(value))

    parts = [_axis_y(axis, y, shown), _axis_x(series[0].points, x)]
    names: list[tuple[float, str, str]] = []
    if target:
        at = y(target[0])
        parts.append(Markup('<line class="target" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>').format(
            LEFT, at, WIDTH - RIGHT, at))  # fmt: skip
        names.append((at, target[1], "target"))
    for one in reversed(series):  # the first one lies on top
        parts.append(_drawn(one, x, y, bridge))
        last = next((point.value for point in reversed(one.points) if point.value is not None), None)
        if last is not None:
            names.append((y(last), f"{one.name} {told(last)}", one.tone))
    parts.append(_names(names))
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-t {}-d">'
        '<title id="{}-t">{}</title><desc id="{}-d">{}</desc>{}</svg>'
    ).format(WIDTH, HEIGHT, ident, ident, ident, title, ident, described, Markup("").join(parts))


def _axis_y(axis: Scale, y: Callable[[float], float], shown: Callable[[float], str]) -> Markup:
    mark = Markup(
        '<line class="grid" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>'
        '<text class="axis" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
    )
    return Markup("").join(
        mark.format(LEFT, y(tick), WIDTH - RIGHT, y(tick), LEFT - 8, y(tick) + 5, shown(tick)) for tick in axis.ticks
    )


def _axis_x(points: Sequence[Point], x: Callable[[int], float]) -> Markup:
    """Names of periods, as many as have room, counted back from the newest."""
    widest = max(len(point.label) for point in points) * LETTER + 18
    room = max(1, int((WIDTH - LEFT - RIGHT) / widest))
    every = max(1, math.ceil(len(points) / room))
    mark = Markup('<text class="axis" x="{:.1f}" y="{}" text-anchor="middle">{}</text>')
    return Markup("").join(
        mark.format(x(place), HEIGHT - 10, point.label)
        for place, point in enumerate(points)
        if (len(points) - 1 - place) % every == 0
    )


def _drawn(one: Series, x: Callable[[int], float], y: Callable[[float], float], bridge: int) -> Markup:
    """Lines through the known values and a dot at each, which tells of its period."""
    runs: list[list[str]] = []
    before: int | None = None
    dots = []
    small = len(one.points) > 45
    for place, point in enumerate(one.points):
        if point.value is None:
            continue
        at = f"{x(place):.1f},{y(point.value):.1f}"
        if before is None or place - before > bridge + 1:
            runs.append([])
        runs[-1].append(at)
        before = place
        dots.append(Markup('<circle class="{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>').format(
            f"dot {one.tone}", *at.split(","), 2.2 if small else 3.4, point.told))  # fmt: skip
    lines = [
        Markup('<polyline class="{}" points="{}"/>').format(f"line {one.tone}", " ".join(run))
        for run in runs if len(run) > 1
    ]  # fmt: skip
    return Markup("").join(lines + (dots if one.tone == "main" else []))


def _names(names: Sequence[tuple[float, str, str]]) -> Markup:
    """The names of lines at their ends, moved apart where they would lie on each other."""
    placed: list[tuple[float, str, str]] = []
    for at, name, tone in sorted(names):
        above = placed[-1][0] + 34 if placed else TOP + 5
        placed.append((max(at, above), name, tone))
    beyond = max(0.0, placed[-1][0] + 16 - (HEIGHT - 12)) if placed else 0.0
    mark = Markup('<text class="{}" x="{}" y="{:.1f}">{}</text>')
    return Markup("").join(
        mark.format(f"name {tone}", WIDTH - RIGHT + 10, at - beyond + (5 if number == 0 else 21), part)
        for at, name, tone in placed
        for number, part in enumerate(_two_lines(name))
    )


def _two_lines(name: str) -> list[str]:
    """A long name on two lines, cut where nothing else helps."""
    most = int((RIGHT - 12) / LETTER)
    if len(name) <= most:
        return [name]
    cut = name.rfind(" ", 0, most + 1)
    cut = cut if cut > 0 else most
    rest = name[cut:].strip()
    return [name[:cut], rest if len(rest) <= most else f"{rest[: most - 1]}…"]


def spark(values: Sequence[float | None], told: str) -> Markup:
    """A small line without axes; ``told`` says it in words. Nothing for fewer than two values."""
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return Markup("")
    low, high = min(value for _, value in known), max(value for _, value in known)
    spread = high - low or 1.0
    at = [
        (4 + 152 * place / (len(values) - 1), 5 + 30 * (1 - (value - low) / spread) if high > low else 20.0)
        for place, value in known
    ]
    path = " ".join(f"{across:.1f},{down:.1f}" for across, down in at)
    return Markup(
        '<svg class="spark" viewBox="0 0 160 40" preserveAspectRatio="xMinYMid" role="img" aria-label="{}">'
        '<polyline class="line main" points="{}"/>'
        '<circle class="dot main" cx="{:.1f}" cy="{:.1f}" r="3.4"/></svg>'
    ).format(told, path, *at[-1])


def bar(
    value: float | None, axis: Scale, *, tone: str = "", marks: Sequence[tuple[float, str]] = (), track: bool = False
) -> Markup:
    """One line of a ranking, for a row that says its value beside it: a bar where the axis begins at zero, else a dot
    on it, because a bar that begins elsewhere lies about sizes, and an arrow at its end where the value is beyond.
    ``marks`` are values with the class of their mark; ``track`` shows how long the bar could be."""
    if value is None:
        return Markup("")
    at = 4 + 232 * axis.share(value)
    if axis.beyond(value):
        tip, foot = (3, 15) if value < axis.low else (237, 225)
        drawn = Markup('<line class="grid" x1="4" y1="10" x2="236" y2="10"/>'
                       '<polygon class="{}" points="{},10 {},3 {},17"/>').format(
            f"fill {tone}", tip, foot, foot)  # fmt: skip
    elif axis.low == 0:
        drawn = Markup('<rect class="{}" x="4" y="4" width="{:.1f}" height="12"/>').format(f"fill {tone}", at - 4)
    else:
        drawn = Markup('<line class="grid" x1="4" y1="10" x2="236" y2="10"/>'
                       '<circle class="{}" cx="{:.1f}" cy="10" r="5"/>').format(f"fill {tone}", at)  # fmt: skip
    if track:
        drawn = Markup('<rect class="track" x="4" y="4" width="232" height="12"/>') + drawn
    lines = [
        Markup('<line class="{}" x1="{:.1f}" y1="0" x2="{:.1f}" y2="20"/>').format(
            name, 4 + 232 * axis.share(mark), 4 + 232 * axis.share(mark))
        for mark, name in marks
    ]  # fmt: skip
    return Markup('<svg class="bar" viewBox="0 0 240 20" aria-hidden="true">{}{}</svg>').format(
        drawn, Markup("").join(lines)
    )


def bar_axis(axis: Scale, shown: Callable[[float], str]) -> Markup:
    """The ends of the axis of ``bar``, for the head of its column."""
    mark = Markup('<text class="axis" x="{}" y="14" text-anchor="{}">{}</text>')
    middle = axis.ticks[len(axis.ticks) // 2] if len(axis.ticks) % 2 else None
    parts = [mark.format(4, "start", shown(axis.low)), mark.format(236, "end", shown(axis.high))]
    if middle is not None:
        parts.append(mark.format(120, "middle", shown(middle)))
    return Markup('<svg class="bar" viewBox="0 0 240 20" aria-hidden="true">{}</svg>').format(Markup("").join(parts))
