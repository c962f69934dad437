"""Widgets that several pages have: a switch between a few options, a file to download, a chart told in words."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from pages.parts.session import state

MIMES = {
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "ipynb": "application/x-ipynb+json",
    "png": "image/png",
    "py": "text/x-python",
    "svg": "image/svg+xml",
    "zip": "application/zip",
}


def switch(label: str, options: Sequence[str], texts: str, key: str, **more: Any) -> str:
    """One of a few options, told by the texts of the pattern `texts`; the first where none was selected before."""
    if key not in st.session_state:
        st.session_state[key] = options[0]
    st.segmented_control(
        label,
        options,
        format_func=state.named(options, texts).__getitem__,
        key=key,
        required=True,
        persist_state="session",
        **more,
    )
    return str(st.session_state[key] or options[0])


def download(name: str, data: bytes | Callable[[], bytes], label: str = "", **more: Any) -> None:
    """A button for a file that is made when it is asked for; its key is `download_<name>` unless another is given."""
    st.download_button(
        label or name,
        data=data,
        file_name=name,
        mime=MIMES[name.rpartition(".")[2]],
        on_click="ignore",
        **{"key": f"download_{name}", "icon": ":material/download:", **more},
    )


def chart(drawing: Any, key: str, words: str, **more: Any) -> None:
    """A chart with its words for those who do not see it."""
    st.altair_chart(drawing, key=key, theme=None, alt=words, **more)
