"""Where a model's weights came from, in words."""

from core.model.hub.origin import Origin
from pages.parts.session.state import t


def origin_words(origin: Origin) -> str:
    """One phrase; empty for a folder that nobody described."""
    if origin["kind"] == "folder":
        return ""
    revision = origin["revision"] if origin["kind"] == "package" else origin["revision"][:10]
    return t(f"origin.{origin['kind']}", id=origin["id"], revision=revision or "–")
