"""The picture for the README: how many jobs a second, and how soon a job starts, of aqueue and of the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import ALL
from benchmarks.results import Results, figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

OURS, THEIRS, INK, QUIET = "#0f766e", "#cbd5e1", "#0f172a", "#64748b"
SHORT = {"parallel": "GNU parallel", "nq": "nq, one at a time", "huey": "huey"}
"""What some peers are called here, where there is little room."""

STANDING = {"nq": "nq", "tsp": "task-spooler", "huey": "huey, from Python", "hyperqueue": "HyperQueue, from Python"}
"""The peers to which one can hand a job at any time, and how: those without a command have a client that stands."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A tool and its figure."""

    name: str
    value: float
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars that can be compared, the best first."""

    title: str
    under: str
    form: str
    bars: Sequence[Bar]


def draw(results: Results, path: Path) -> None:
    """Draw what was measured of throughput and pick-up, as a PNG. Needs matplotlib."""
    from matplotlib import pyplot

    known = {figure.key: figure.value for figure in figures(results) if figure.value is not None}
    panels = [panel for panel in (_rates(known), _starts(known)) if panel.bars]
    pyplot.rcParams.update({"font.size": 11, "text.color": INK})
    whole, axes = pyplot.subplots(1, max(1, len(panels)), figsize=(10.4, 3.9), facecolor="white", squeeze=False)
    for one, panel in zip(axes[0], panels, strict=True):
        _draw(one, panel)
    whole.tight_layout(w_pad=2.5)
    whole.savefig(path, dpi=160, facecolor="white")
    pyplot.close(whole)


def _rates(known: Mapping[str, float]) -> Panel:
    bars = [Bar("aqueue", known["others.aqueue.ratio"], is_ours=True)] if "others.aqueue.ratio" in known else []
    bars += [Bar(name, known[f"others.{key}.ratio"]) for key, name in _names() if f"others.{key}.ratio" in known]
    bars += [Bar("xargs, no queue", 1.0)] if bars else []
    under = "the command true, 8 at a time, enqueue included"
    return Panel("Jobs a second", under, "{:.2f}", sorted(bars, key=lambda bar: -bar.value))


def _starts(known: Mapping[str, float]) -> Panel:
    ours = {"pickup.sql.median": "aqueue, by SQL", "pickup.command.whole": "aqueue enqueue"}
    bars = [Bar(name, known[key], is_ours=True) for key, name in ours.items() if key in known]
    bars += [Bar(name, known[f"pickup.{key}"]) for key, name in STANDING.items() if f"pickup.{key}" in known]
    under = "from before the enqueue; the worker waits"
    return Panel("Time until a job runs", under, "{:.1f} ms", sorted(bars, key=lambda bar: bar.value))


def _names() -> list[tuple[str, str]]:
    return [(peer.key, SHORT.get(peer.key, peer.name)) for peer in ALL]


def _draw(axes: "Axes", panel: Panel) -> None:
    places, texts = range(len(panel.bars)), [panel.form.format(bar.value) for bar in panel.bars]
    colours = [OURS if bar.is_ours else THEIRS for bar in panel.bars]
    drawn = axes.barh(places, [bar.value for bar in panel.bars], color=colours, height=0.68)
    axes.set_yticks(places, [bar.name for bar in panel.bars])
    for labels in (axes.bar_label(drawn, texts, padding=4), axes.get_yticklabels()):
        _accent(labels, panel.bars)
    axes.invert_yaxis()
    axes.set_title(panel.title, loc="left", fontsize=13, fontweight="bold", pad=22)
    axes.text(0, 1.03, panel.under, transform=axes.transAxes, fontsize=9.5, color=QUIET)
    axes.tick_params(which="both", length=0, labelbottom=False)
    axes.margins(x=0.2)
    axes.spines[:].set_visible(False)


def _accent(labels: "Sequence[Text]", bars: Sequence[Bar]) -> None:
    for label, bar in zip(labels, bars, strict=True):
        label.set(color=OURS if bar.is_ours else INK, fontweight="bold" if bar.is_ours else "normal")
