"""A model of the hub before it is here: size, licence, who may have it; then its download."""

from html import escape

import streamlit as st

from core.jobs.fetching import FetchRequest
from core.model.hub.cache import complete, is_hub_id
from core.model.hub.facts import HubFacts, login_page
from pages.parts import i18n, shell
from pages.parts.model import fetching
from pages.parts.session import state
from pages.parts.session.state import t

_ASKED = "asked_hub"


def ask() -> bool:
    """Ask the hub about the draft's model, where it is one of the hub that is not here; whether it was asked."""
    source = state.draft().source
    if not is_hub_id(source) or complete(source):
        st.session_state.pop(_ASKED, None)
        return False
    st.session_state[_ASKED] = source
    state.backend().ask("hub", source, again=True)
    return True


def show() -> bool:
    """What the hub says of the draft's model; False where it was not asked, or the model is here by now."""
    source = state.draft().source
    if not source or st.session_state.get(_ASKED) != source:
        return False
    answer = state.backend().ask("hub", source)
    if answer.pending:
        _wait(source)
    elif answer.error_key:
        shell.show_error(answer.error_key, answer.error_values)
    elif answer.value is not None:
        _facts(answer.value)  # type: ignore[arg-type]
    return True


@st.fragment(run_every=0.4)
def _wait(source: str) -> None:
    state.polls()
    if state.backend().ask("hub", source).pending:
        st.caption(t("hub.asking"))
    else:
        st.rerun()


def _facts(facts: HubFacts) -> None:
    gguf = ""
    with st.container(border=True):
        if facts["gguf"]:
            sizes = {file["name"]: file["size"] for file in facts["gguf"]}
            gguf = st.selectbox(
                t("hub.gguf"),
                list(sizes),
                format_func={name: f"{name} · {i18n.size(size)}" for name, size in sizes.items()}.__getitem__,
                key="hub_gguf",
            )
            size = missing = sizes[gguf]
        else:
            size, missing = facts["size_bytes"], facts["missing_bytes"]
        lines = {
            "name": facts["name"],
            "revision": facts["revision"][:10],
            "size": i18n.size(size),
            "missing": i18n.size(missing),
            "licence": facts["licence"] or t("hub.no_licence"),
            "access": t(f"hub.access_{_access(facts)}"),
        }
        rows = "".join(
            f"<dt>{escape(t(f'hub.{key}'))}</dt><dd>{escape(value)}</dd>" for key, value in lines.items()
        )
        st.html(f'<dl class="facts">{rows}</dl>')
        if not facts["access"]:
            st.warning(t("hub.log_in", page=login_page(facts["name"])), icon=":material/lock:")
            return
        request = FetchRequest(kind="hub", name=facts["name"], gguf=gguf)
        fetch = fetching.show(request, t("hub.download", size=i18n.size(missing)), "hub_model")
    if fetch is not None and fetch.status == "done" and fetch.source:
        _take(fetch.source)


def _take(source: str) -> None:
    """Go on with the model that is here now."""
    st.session_state.pop(_ASKED, None)
    draft = state.draft()
    if draft.source != source:
        draft.source, draft.source_kind = source, "folder"
        state.refill("source")
    state.inspect_again()
    st.rerun()


def _access(facts: HubFacts) -> str:
    if facts["gated"]:
        return "granted" if facts["access"] else "gated"
    return "private" if facts["private"] else "open"
