"""Writes HTML: every text is escaped, only what was made here counts as markup."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence
from typing import Final

STYLE: Final = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; color: #1a1a1a;
  background: #fff; max-width: 70rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; margin: 2.75rem 0 .5rem; padding-top: .75rem; border-top: 2px solid #1a1a1a; }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .25rem; }
p { max-width: 46rem; margin: .5rem 0; }
.lead { color: #444; }
.verdict { border: 2px solid #1a1a1a; border-left-width: .6rem; padding: .75rem 1.25rem; margin: 1.25rem 0; }
.verdict p.answer { font-size: 1.2rem; font-weight: 600; margin: .25rem 0; }
ul { padding-left: 1.25rem; max-width: 46rem; }
li { margin: .35rem 0; }
nav ul { columns: 2; list-style: none; padding: 0; max-width: none; }
a { color: #14507a; }
a:focus-visible { outline: 3px solid #b35900; outline-offset: 2px; }
figure { margin: 1rem 0; }
figure img { max-width: 100%; height: auto; }
figcaption, caption { color: #333; font-size: .9rem; text-align: left; }
caption { padding: .25rem 0; font-weight: 600; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: .75rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .4rem; border-bottom: 1px solid #ccc; vertical-align: top; }
thead th { border-bottom: 2px solid #1a1a1a; vertical-align: bottom; }
th:first-child, .text { text-align: left; }
tbody th { max-width: 20rem; min-width: 7rem; }
td.text { max-width: 34rem; overflow-wrap: anywhere; }
.range { color: #444; font-size: .85em; white-space: nowrap; display: block; }
details { margin: 1rem 0; }
summary { cursor: pointer; font-weight: 600; }
@media (max-width: 40rem) { nav ul { columns: 1; } }
@media print { body { max-width: none; font-size: 10.5pt; padding: 0; } nav { display: none; }
  h2, h3 { break-after: avoid; } figure, tr { break-inside: avoid; } .scroll { overflow: visible; }
  table { font-size: 7.5pt; } th, td { padding: .15rem .2rem; } tbody th { min-width: 0; }
  a { color: inherit; text-decoration: none; } }
"""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | Markup


def tag(name: str, *content: Content, **attributes: str | None) -> Markup:
    """Writes an element; `class_` is the class, and an attribute that is None is left out.

    >>> tag("p", "5 < 6", class_="lead")
    '<p class="lead">5 &lt; 6</p>'
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(text)}"'
        for key, text in attributes.items()
        if text is not None
    )
    inner = join(content)
    return Markup(f"<{name}{told}>{inner}</{name}>")


def join(content: Iterable[Content]) -> Markup:
    """Joins what is markup with what is still to be escaped."""
    return Markup("".join(one if isinstance(one, Markup) else html.escape(one) for one in content))


def section(anchor: str, title: str, *content: Content) -> Markup:
    """Writes a section with its heading."""
    heading = tag("h2", title, id=anchor)
    return Markup(f'<section aria-labelledby="{anchor}">{join((heading, *content))}</section>\n')


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[Content]]) -> Markup:
    """Writes a table: the first cell of a row is its heading; text that is no markup is set to the left."""
    rows = list(rows)
    # Set as the cells below are.
    sides = [_side(cell) for cell in rows[0]] if rows else [None] * len(head)
    headings = join(tag("th", one, scope="col", class_=side) for one, side in zip(head, sides, strict=True))
    body = join(tag("tr", tag("th", row[0], scope="row"), *(_cell(one) for one in row[1:])) for row in rows)
    inner = join((tag("caption", caption), tag("thead", tag("tr", headings)), tag("tbody", body)))
    return tag("div", tag("table", inner), class_="scroll", tabindex="0", role="group", aria_label=caption)


def items(sentences: Iterable[Content]) -> Markup:
    """Writes a list of sentences."""
    return tag("ul", *(tag("li", one) for one in sentences))


def picture(png: bytes, *, alt: str, caption: str, width: int) -> Markup:
    """Writes a plot into the page itself."""
    source = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    image = Markup(f'<img src="{source}" alt="{html.escape(alt)}" width="{width}">')
    return tag("figure", image, tag("figcaption", caption))


def page(title: str, *content: Content) -> str:
    """Writes the whole page; its own policy forbids scripts and anything from elsewhere."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{join(content)}</main>\n</body>\n</html>\n"
    )


def _cell(content: Content) -> Markup:
    """Writes a cell."""
    return tag("td", content, class_=_side(content))


def _side(content: Content) -> str | None:
    return None if isinstance(content, Markup) else "text"
