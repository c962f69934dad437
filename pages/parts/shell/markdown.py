"""Text of others, shown as it stands."""

import re

_DIRECTIVE = re.compile(r":[\w+/\\-]+:?")
_LINKED = re.compile(r"(?<=http)(?=://)|(?<=https)(?=://)|(?<=www)(?=\.)|(?<=[-.\w+]@)(?=[-\w])", re.I)
_JOINER = "\u2060"
_LIST_MARK = re.compile(r"^(\s*\d*)([-+.)])(?=\s)", re.MULTILINE)


def plain(text: str) -> str:
    """Text that Markdown shows as it stands: no emphasis, link, list, colour (`:red[…]`) or icon (`:home:`).

    Addresses of pages and mail are linked even where they are escaped; a word joiner within, which nobody sees,
    keeps them text.
    """
    text = _LINKED.sub(_JOINER, text)
    for mark in "\\`*_[]$#~<>|&":
        text = text.replace(mark, f"\\{mark}")
    text = _DIRECTIVE.sub(lambda mark: mark.group().replace(":", "\\:"), text)
    return _LIST_MARK.sub(r"\1\\\2", text)
