"""Heads ablated: what the model then says, on the examples and on texts typed in; and the file to take along."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.report.sentences import circuit as circuit_words
from core.schema import BeforeAfter, CircuitRecord
from core.storage import local_model
from core.text import listed
from pages.parts import shell
from pages.parts.data.results import Result
from pages.parts.evidence import before_after, typed_texts
from pages.parts.i18n import glossary
from pages.parts.session import state
from pages.parts.session.state import language, t
from pages.parts.shell import widgets, worker_answer

MODES = ("mean", "zero")
NEW_TOKENS = 6
PROGRAM = """import torch
from core import ablated, load_model, read_ablation_file

loaded = load_model({model!r})
ablation_file = read_ablation_file("ablation.json")
ids = torch.tensor([loaded.encode("…")])
with ablated(loaded, ablation_file, [ids.shape[1]]):
    written = loaded.model.generate(ids, max_new_tokens=8, do_sample=False)
print(loaded.tokenizer.decode(written[0, ids.shape[1] :]))
"""


def show(result: Result, content: CircuitRecord | None) -> None:
    """Heads to choose, before and after, and the ablation file."""
    heads, mode, typed = _choices(result, content)
    if not heads:
        st.info(t("whatif.choose"), icon=":material/info:")
        return
    payload = {
        "run": str(state.folder().path),
        "heads": heads,
        "mode": mode,
        "typed": typed,
        "new_tokens": NEW_TOKENS,
    }
    if (tried := worker_answer.ask("what_if", payload, "whatif")) is not None:
        _tried(tried, content)


def suggested(content: CircuitRecord | None) -> tuple[list[str], str]:
    """The heads to begin with and how they are ablated, from the check of the circuit."""
    trial = content and content.before_after
    return (list(trial.heads), trial.mode) if trial else ([], MODES[0])


def _choices(result: Result, content: CircuitRecord | None) -> tuple[list[str], str, list[str]]:
    proposed, how = suggested(content)
    names = [*result.heads["name"], *result.mlps["name"]]
    key, mode_key = f"off_{state.run_id()}", f"off_mode_{state.run_id()}"
    confirmed = list(result.selected[result.selected["verdict"] == "confirmed"]["name"])
    offered = [name for name in proposed or confirmed if name in names]
    if key not in st.session_state:
        # What stands is never swapped under the reader's eyes: a check that ends later only makes a suggestion.
        st.session_state[key], st.session_state[mode_key] = offered, how
        st.session_state[f"{key}_offered"] = list(offered)
    titles = result.titles()
    left, right = st.columns([3, 2], vertical_alignment="bottom", gap="medium")
    heads = left.multiselect(
        t("whatif.heads"),
        names,
        format_func=lambda name: titles.get(name, name),
        key=key,
        placeholder=t("whatif.choose"),
        help=glossary.help_of("switch_off"),
        persist_state="session",
    )
    with right:
        mode = widgets.switch(t("whatif.mode"), MODES, "whatif.mode_{}", mode_key, help=t("whatif.mode_help"))
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.session_state.get(f"{key}_offered") != offered != list(heads):
            st.caption(t("whatif.suggests", heads=listed(language(), offered)), width="content")
        _quick(result, content, key, mode_key)
    return list(heads), mode, typed_texts.typed(result)


def _quick(result: Result, content: CircuitRecord | None, key: str, mode_key: str) -> None:
    """Buttons that take a whole set of heads; the suggestion with the ablation that it was found under."""
    how = suggested(content)[1]
    sets = {
        "suggested": suggested(content)[0],
        "smallest": list(content.minimal_circuit.heads) if content and content.minimal_circuit else [],
        "circuit": list(result.selected["name"]),
    }
    for name, heads in sets.items():
        if heads:
            st.button(
                t(f"whatif.take_{name}", count=len(heads)),
                key=f"take_{name}",
                on_click=_take,
                args=(key, heads, mode_key, how if name == "suggested" else ""),
                type="tertiary",
            )


def _take(key: str, heads: Sequence[str], mode_key: str, how: str) -> None:
    st.session_state[key] = list(heads)
    if how:
        st.session_state[mode_key] = how


def _tried(tried: Mapping[str, Any], check: CircuitRecord | None) -> None:
    told = circuit_words.ablated(BeforeAfter.model_validate(tried), language())
    known = check and check.before_after and circuit_words.ablated(check.before_after, language())
    if told != known:  # else the page says it in its first sentence
        st.markdown(f"**{shell.plain(told)}**")
    st.html(before_after.table(before_after.ordered(tried["rows"]), t))
    with st.expander(t("whatif.ablation_file"), icon=":material/code:"):
        st.markdown(t("whatif.ablation_file_text"))
        content = json.dumps(tried["ablation_file"], ensure_ascii=False, indent=1).encode()
        widgets.download("ablation.json", lambda: content)
        st.code(PROGRAM.format(model=local_model(tried["ablation_file"]["model"])), language="python")
