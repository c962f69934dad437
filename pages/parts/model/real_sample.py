"""The sample on a real language model: story, texts, its download on one click, and the way into its analysis."""

from html import escape

import streamlit as st

from core.errors import HeadlightError
from core.examples.reading import read_examples
from core.jobs.fetching import request_of
from core.model.hub.origin import origin_of
from core.scenarios.loader import FetchedModel, Scenario, fetched_names, load_scenario
from pages.parts import i18n, shell
from pages.parts.model import fetching
from pages.parts.model.origin import origin_words
from pages.parts.session import samples, state
from pages.parts.session.state import t


def card() -> None:
    """The whole card of the start page."""
    scenario = load_scenario(fetched_names()[0])
    story = samples.stories(state.language())[scenario.name]
    with st.container():
        st.subheader(t("real.title"), anchor=False)
        st.write(story[1])
        with st.expander(t("real.texts")):
            _texts(scenario)
    with st.container():
        if scenario.fetched is not None:
            st.caption(_about(scenario, scenario.fetched))
        _way_on(scenario)


def _about(scenario: Scenario, model: FetchedModel) -> str:
    """Name, size and licence; where it comes from, or came from once it is here."""
    name = f"{scenario.model_folder.name} · {t('real.about', size=model.parameters, licence=model.licence)}"
    if scenario.ready:
        return f"{name} · {origin_words(origin_of(str(scenario.model_folder)))}"
    size = i18n.size(model.package_bytes)
    return f"{name} · {t('real.from', package=model.package, package_size=size)}"


def _way_on(scenario: Scenario) -> None:
    if not scenario.ready and scenario.fetched is not None:
        label = t("real.fetch", size=i18n.size(scenario.fetched.hub_bytes))
        fetching.show(request_of(scenario.name), label, "real_sample", primary=False)
        return
    if st.button(t("real.open"), key="open_real_sample", icon=":material/play_arrow:"):
        try:
            finished = samples.open_sample(scenario.name)
        except HeadlightError as error:
            shell.show(error)
        else:
            shell.go("result" if finished else "analysis")


def _texts(scenario: Scenario) -> None:
    """The texts of both sides; below each what it says, where the reader's language is another one."""
    explained = scenario.explained.get(state.language(), {})
    examples = read_examples(scenario.examples_file).examples
    sides = []
    for label in ("anomalous", "normal"):
        rows = [
            f"<li>{escape(example.text)} <b>{escape(example.actual if label == 'anomalous' else example.expected)}</b>"
            + (f"<small>{escape(explained[example.text])}</small>" if example.text in explained else "")
            + "</li>"
            for example in examples
            if example.label == label
        ]
        title = f'<p class="side {label}">{escape(t(f"real.{label}"))}</p>'
        sides.append(f'{title}<ul class="sample-texts">{"".join(rows)}</ul>')
    st.html(f'<div class="sample-scroll" tabindex="0">{"".join(sides)}</div>')
