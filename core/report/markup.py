"""HTML from templates in which every text is escaped; for report.html and for the pages that show the same pieces."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from core.report.tables import Table

_FOLDER = Path(__file__).parent / "templates"
_TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def paragraphs(lines: Iterable[str]) -> str:
    """Each line as a paragraph."""
    return _piece("paragraphs", list(lines))


def bullets(lines: Iterable[str], kind: str = "ul") -> str:
    """A list of the lines (`ul` or `ol`); nothing where there are none."""
    return _piece("bullets", list(lines), kind)


def table(*tables: Table) -> str:
    """Tables one below the other."""
    return "".join(_piece("table", content) for content in tables)


def heading(line: str) -> str:
    """A heading within a topic."""
    return _piece("heading", line)


def small(line: str) -> str:
    """A quiet line below a table."""
    return _piece("small", line)


def page_one(name: str, **context: Any) -> Markup:
    """The `upper` or the `lower` part of page one, from its template."""
    template = _TEMPLATES.get_template("page_one.html.jinja")
    parts = template.make_module({key: context.pop(key) for key in ("say", "widths")})
    return Markup(getattr(parts, name)(**context))


def page(name: str, **context: Any) -> Markup:
    """A page, or a part of one, from its template."""
    return Markup(_TEMPLATES.get_template(name).render(context))


def source(name: str) -> str:
    """A file of the templates as it stands."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def _piece(name: str, *values: Any) -> str:
    return str(getattr(_TEMPLATES.get_template("parts.html.jinja").module, name)(*values))
