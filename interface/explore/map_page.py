"""One self-contained HTML page: no script, style, font or picture from elsewhere."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from .colorings import Coloring

_HERE = Path(__file__).parent
METHOD_NAMES = {"tsne": "t-SNE: neighbours stay together; distances between groups say little", "pca": "PCA: linear"}


def render_map(
    title: str,
    method: str,
    texts: Sequence[str],
    points: Any,
    colorings: Sequence[Coloring],
    shown: Mapping[str, Sequence[str]],
) -> str:
    """Return the page.

    Args:
        title: Name of the model.
        method: How the points were found, `tsne` or `pca`.
        texts: One for each point.
        points: Shape (texts, 2), within 0 and 1.
        colorings: To choose from; none: all points have one colour.
        shown: For each task its answer to each text, in a few words.
    """
    data = {
        "texts": list(texts),
        "points": [[round(float(x), 4), round(float(y), 4)] for x, y in points],
        "colorings": [{"name": it.name, "labels": it.labels, "values": _short(it)} for it in colorings],
        "shown": dict(shown),
    }
    return Template(_read("map.html")).substitute(
        title=escape(title),
        about=escape(f"{len(texts):,} texts, {METHOD_NAMES[method]}."),
        style=_read("map.css"),
        script=_read("map.js"),
        data=_as_script(data),
    )


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _short(coloring: Coloring) -> list[Any]:
    return [value if isinstance(value, int) else round(value, 4) for value in coloring.values]


def _as_script(data: Any) -> str:
    """Return JSON that cannot end the script element it stands in, whatever texts it holds."""
    plain = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
