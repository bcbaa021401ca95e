"""What the displays draw with, on matplotlib's axes. matplotlib is imported by functions only."""

from typing import Any

import numpy as np

# Okabe and Ito's, which readers with any colour vision can tell apart, without the yellow.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
BLUE, VERMILLION = COLOURS[:2]

# Share of the height of a reliability diagram that the rows of its bins have.
STRIP = 0.2

# What matplotlib's functions take beside the properties of what they draw.
OF_LINES = {"scalex", "scaley", "data"}
OF_BARS = {"height", "left", "align", "log", "tick_label", "data"} | {
    *("xerr", "yerr", "ecolor", "capsize", "error_kw"),
}


def pyplot(caller: str) -> Any:
    """Return matplotlib.pyplot, or raise ImportError that says how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{caller} needs matplotlib: pip install matplotlib") from error
    return plt


def dressed_axes(ax: Any, display: object, kwargs: dict[str, Any], *, patch: bool = False) -> Any:
    """Return the axes, or those of a new figure, in the dress of all displays.

    Raises
    ------
    TypeError
        If `ax` is something else, as an array of axes, or matplotlib has no such style as is
        among the caller's wishes.
    """
    plt = pyplot(type(display).__name__)
    artist, known = (plt.Rectangle, OF_BARS) if patch else (plt.Line2D, OF_LINES)
    for key in styled({}, kwargs, patch=patch):
        if not (key in known or hasattr(artist, f"set_{key}")):
            raise TypeError(
                f"{type(display).__name__} has no parameter {key!r}, and a {artist.__name__} of "
                "matplotlib, which further arguments are passed to, no such property."
            )
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    elif not isinstance(ax, plt.Axes):
        raise TypeError(f"ax must be an Axes of matplotlib, got a {type(ax).__name__}.")
    if not ax.lines:
        ax.set_prop_cycle(color=COLOURS)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def styled(
    style: dict[str, Any], kwargs: dict[str, Any], *, patch: bool = False
) -> dict[str, Any]:
    """Return a style with the caller's wishes, whichever aliases they are called by."""
    from matplotlib import cbook, lines, patches

    return style | cbook.normalize_kwargs(kwargs, patches.Patch if patch else lines.Line2D)


def draw_curve(ax: Any, values: Any, style: dict[str, Any], kwargs: dict[str, Any]) -> Any:
    """Draw a value per epoch, of which the first is 1, and return the line."""
    if len(values) == 1:
        style |= {"marker": "o"}
    (line,) = ax.plot(np.arange(1, len(values) + 1), values, **styled(style, kwargs))
    return line


def scale_losses(ax: Any) -> None:
    """Make the vertical axis logarithmic where all losses are positive and differ much."""
    lowest, highest = ax.dataLim.intervaly
    if lowest > 0 and highest > 5 * lowest:
        ax.set_yscale("log", subs=[])
        ax.yaxis.get_major_locator().set_params(subs=[1, 2, 5])
        ax.yaxis.set_major_formatter("{x:g}")
    else:
        ax.set_yscale("linear")


def legend_with_room(ax: Any, *, above: bool) -> None:
    """Draw the legend, with room for it above or below all curves."""
    legend = ax.legend(frameon=False, fontsize="small")
    height = 72 * ax.get_window_extent().height / ax.figure.dpi
    room = min(0.4, 1.6 * legend.prop.get_size() * (1 + len(legend.texts)) / height)
    to_axis = ax.yaxis.get_transform()
    low, high = to_axis.transform(ax.dataLim.intervaly)
    margin = 0.05 * ((high - low) or 1.0)
    low, high = low - margin, high + margin
    free = (high - low) * room / (1 - room)
    ends = (low, high + free) if above else (low - free, high)
    ax.set_ylim(to_axis.inverted().transform(ends))


def rows_strip(ax: Any) -> Any:
    """Return the strip for the rows of the bins at the foot of the axes; make it at first."""
    for strip in ax.child_axes:
        if strip.get_label() == "rows":
            return strip
    ax.plot([0, 1], [0, 1], color="0.5", linestyle=":", label="calibrated")
    foot = -STRIP / (1 - STRIP) * 1.5
    ax.set(xlim=(0, 1), ylim=(foot, 1.02), xlabel="confidence", yticks=np.linspace(0, 1, 6))
    ax.set_ylabel("accuracy", y=(0.5 - foot) / (1.02 - foot))
    ax.spines["left"].set_bounds(0, 1)
    strip = ax.inset_axes((0, 0, 1, STRIP), label="rows", xlim=(0, 1), yscale="log")
    strip.set_ylabel("rows", fontsize="small")
    strip.yaxis.get_major_locator().set_params(numticks=3)
    strip.yaxis.set_major_formatter("{x:g}")
    strip.minorticks_off()
    strip.tick_params(axis="y", labelsize="small")
    strip.tick_params(axis="x", bottom=False, labelbottom=False)
    strip.spines[["top", "right"]].set_visible(False)
    return strip


def draw_bars(
    ax: Any,
    values: np.ndarray,
    numbers: list[str],
    style: dict[str, Any],
    dots: list[np.ndarray] | None = None,
) -> Any:
    """Draw a bar for each value that is one, from the top, with its number at the end.

    If there are dots to draw on the bars, the number follows those beyond the end.
    """
    bars = ax.barh(range(len(values)), values, **style)
    texts = ax.bar_label(
        bars,
        ["" if np.isnan(value) else number for value, number in zip(values, numbers, strict=True)],
        padding=6 if dots else 3,
        fontsize="small",
    )
    if dots:
        for text, value, beyond in zip(texts, values, np.transpose(dots), strict=True):
            end = max if value >= 0 else min
            text.xy = (end(value, *beyond), text.xy[1])
    ax.axvline(0, color="0.2", linewidth=0.8)
    ax.set_ylim(len(values) - 0.4, -0.6)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0, pad=8)
    return bars


def legend_below(ax: Any) -> None:
    """Draw a legend of one row below the label of the horizontal axis."""
    from matplotlib.transforms import offset_copy

    # In points, so that it is as far from the label in axes of any height.
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=offset_copy(ax.transAxes, fig=ax.figure, y=-30.0, units="points"),
        ncols=10,
        frameon=False,
        fontsize="small",
        handletextpad=0.1,
        columnspacing=1.0,
    )


def prefix_of(display: Any, name: str | None) -> str:
    """Return what precedes a label or title: a name, that of the display if it is None."""
    name = display.name if name is None else name
    return "" if name is None else f"{name}: "
