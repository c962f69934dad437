"""What every page has around its own content."""

from pages.parts.shell.markdown import plain
from pages.parts.shell.navigation import (
    FORMER_ADDRESSES,
    PAGES,
    STEPS,
    go,
    keep_address,
    link,
    navigation,
    page_parameters,
)
from pages.parts.shell.page import header, needs, needs_run, next_button, opened, show, show_error, style
from pages.parts.shell.stepper import sidebar

__all__ = [
    "FORMER_ADDRESSES",
    "PAGES",
    "STEPS",
    "go",
    "header",
    "keep_address",
    "link",
    "navigation",
    "needs",
    "needs_run",
    "next_button",
    "opened",
    "page_parameters",
    "plain",
    "show",
    "show_error",
    "sidebar",
    "style",
]
