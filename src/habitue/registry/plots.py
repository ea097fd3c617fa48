"""The plots of a judgement: calibration, gains, deciles of value, expected against actual purchases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from habitue.models.metrics import decile_table, gains_curve
from habitue.models.patterns import Floats
from habitue.training.judgement import Judgement

_BLUE, _ORANGE, _GREY = "#0072b2", "#d55e00", "#999999"  # told apart by colour-blind eyes too


def plot_judgement(judgement: Judgement, folder: Path) -> list[Path]:
    """Write the plots that suit the judgement as PNG; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    plots: dict[str, Callable[[Axes, Judgement], None]] = {"gains": _gains}
    if judgement.metric == "auc":
        plots["calibration"] = _calibration
    else:
        plots["value_deciles"] = _value_deciles
    return [_write(folder / f"{name}.png", draw, judgement) for name, draw in plots.items()]


def plot_purchases(actual: Floats, expected: Floats, folder: Path) -> Path:
    """Expected against actual purchase days of customers grouped by what was expected."""
    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = _canvas()
    rows = decile_table(actual, expected)
    at = np.arange(len(rows))
    axes.bar(at - 0.2, [row.predicted for row in rows], 0.4, label="expected", color=_BLUE)
    axes.bar(at + 0.2, [row.actual for row in rows], 0.4, label="actual", color=_ORANGE)
    axes.set(xlabel="tenth of customers, most expected first", ylabel="purchase days per customer")
    axes.set_xticks(at, [str(row.decile) for row in rows])
    axes.legend(frameon=False)
    return _save(figure, folder / "purchases.png")


def _calibration(axes: Axes, judgement: Judgement) -> None:
    rows = decile_table(judgement.actual, judgement.scores[judgement.candidate])
    top = max(max(row.predicted, row.actual) for row in rows) * 1.05
    axes.plot([0, top], [0, top], color=_GREY, linewidth=1)
    axes.plot([row.predicted for row in rows], [row.actual for row in rows], "o-", color=_BLUE)
    axes.set(xlabel="predicted probability of churn (tenths)", ylabel="share that churned")


def _gains(axes: Axes, judgement: Judgement) -> None:
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1)
    for name, colour in ((judgement.candidate, _BLUE), (judgement.best_naive, _ORANGE)):
        axes.plot(*gains_curve(judgement.actual, judgement.scores[name]), label=name, color=colour)
    what = "churners" if judgement.metric == "auc" else "net revenue"
    axes.set(xlabel="share of customers, highest score first", ylabel=f"share of {what}")
    axes.legend(frameon=False)


def _value_deciles(axes: Axes, judgement: Judgement) -> None:
    rows = decile_table(judgement.actual, judgement.scores[judgement.candidate])
    at = np.arange(len(rows))
    axes.bar(at - 0.2, [row.predicted for row in rows], 0.4, label="predicted", color=_BLUE)
    axes.bar(at + 0.2, [row.actual for row in rows], 0.4, label="actual", color=_ORANGE)
    axes.set(xlabel="tenth of customers, highest prediction first", ylabel="mean net revenue in the window")
    axes.set_xticks(at, [str(row.decile) for row in rows])
    axes.legend(frameon=False)


def _write(path: Path, draw: Callable[[Axes, Judgement], None], judgement: Judgement) -> Path:
    figure, axes = _canvas()
    draw(axes, judgement)
    return _save(figure, path)


def _canvas() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, 4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path)
    return path
