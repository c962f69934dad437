"""What every page has around its own content."""

from pages.parts.shell.markdown import plain
from pages.parts.shell.navigation import (
    FORMER_ADDRESSES,
    PAGES,
    STEPS,
    follow_address,
    go,
    keep_address,
    link,
    navigation,
)
from pages.parts.shell.page import (
    LANGUAGE_COOKIE,
    browser,
    header,
    needs,
    next_button,
    opened,
    show,
    show_error,
    style,
    succeeds,
)
from pages.parts.shell.stepper import sidebar
