"""What a browser session holds: the draft of the next run, the run that is open, the language.

The draft is the truth of every input; widgets are filled from it when they appear and write back on a change.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import streamlit as st

from core.config import PRESETS, RunConfig
from core.errors import HeadlightError, StorageError
from core.jobs.backend import Answer, Backend, JobStatus
from core.jobs.local_backend import LocalBackend
from core.runs.drafts import Draft as Draft
from core.runs.job_state import ACTIVE
from core.runs.run_folder import RunFolder, open_run
from pages.parts import i18n

WATCHED = "watched_runs"
"""Key of the runs whose end the reader is told of (`pages.parts.shell.notifications`)."""
REPLACED = "replaced_drafts"
"""Key of former drafts, newest first, that are not on the disk yet (`pages.parts.session.keeping`)."""
BEFORE_RUN = "before_run"
"""Key of the drafts with own texts that opened runs have replaced, by run."""
UNREAD = "paste_error"
"""Key of what keeps the boxes of texts from being read: an error's key and values."""
_LOOKED_UP = "looked_up"
_SEEN_AT_WORK = "seen_at_work"
_WIDGETS = "draft_"  # Prefix of the keys of every widget that shows a part of the draft
_INPUTS = ("paste_", "edit_", "read_")
"""The same for the inputs of examples, which are filled in another way."""


@st.cache_resource(max_entries=1, show_spinner=False)
def backend() -> Backend:
    """Where analyses run: one for all browser sessions."""
    return LocalBackend()


def draft() -> Draft:
    """This session's draft."""
    return st.session_state.setdefault("draft", Draft())


def replace_draft(new: Draft) -> None:
    """Take another draft, and keep a former one with own texts; the widgets show it from the next drawing on."""
    former = draft()
    st.session_state["draft"] = new
    keep_former(former)
    refill()


def keep_former(former: Draft) -> None:
    """Keep a draft that was replaced, where it has texts of the reader's own that the draft now has not."""
    if former.own and not draft().holds(former):
        st.session_state[REPLACED] = (replace(former), *st.session_state.get(REPLACED, ()))


def refill(start: str = "") -> None:
    """Let the draft's widgets, or those whose name begins so, be filled from the draft again."""
    starts = (_WIDGETS + start,) if start else (_WIDGETS, *_INPUTS)
    for key in [key for key in st.session_state if str(key).startswith(starts)]:
        del st.session_state[key]
    if not start and draft().unread_because:
        st.session_state[UNREAD] = draft().unread_because


def bound(name: str, group: str = "") -> dict[str, Any]:
    """Arguments `key` and `on_change` of a widget that shows the draft's field (or a setting of `group`)."""
    key = f"{_WIDGETS}{group + '_' if group else ''}{name}"
    if key not in st.session_state:
        st.session_state[key] = getattr(getattr(draft(), group) if group else draft(), name)
    return {"key": key, "on_change": _write_back, "args": (key, name, group)}


def _write_back(key: str, name: str, group: str) -> None:
    value = st.session_state[key]
    if value is None:
        return
    if group:
        setattr(draft(), group, getattr(draft(), group).model_copy(update={name: value}))
        return
    setattr(draft(), name, value)
    if name in ("source", "source_kind"):
        draft().scenario = ""
    if name == "source_kind" and value != "bundled":
        draft().source = draft().adapter = ""
        refill("source")


def draft_of(config: RunConfig) -> Draft:
    """A draft with the settings of a run."""
    shared = {item.name for item in fields(Draft)} & set(RunConfig.model_fields)
    kind = "bundled" if config.scenario else "folder" if Path(config.model).is_absolute() else "hub"
    values = {name: getattr(config, name) for name in shared}
    given = config.examples
    return Draft(source=config.model, source_kind=kind, form_chosen=True, given=given, **values)


def language() -> str:
    """The session's language."""
    return st.session_state.get("language") or st.session_state.get("kept_language") or "en"


def keep_language() -> None:
    """Keep the language beside its switch, which can lose its value when its page is left."""
    if not st.session_state.get("language"):
        st.session_state["language"] = language()
    st.session_state["kept_language"] = st.session_state["language"]


def t(key: str, **values: Any) -> str:
    """A text in the session's language."""
    return i18n.text(language(), key, **values)


def tn(key: str, count: int, **values: Any) -> str:
    """A counted text in the session's language."""
    return i18n.counted(language(), key, count, **values)


def named(keys: Iterable[str], pattern: str) -> dict[str, str]:
    """The texts of a widget's options: fixed now, because a widget may ask for them outside the session."""
    return {key: t(pattern.format(key)) for key in keys}


def run_id() -> str:
    """Id of the run that is open, or nothing."""
    return st.session_state.get("run_id", "")


def open_in_session(run: RunFolder) -> None:
    """Show this run from now on, with its settings as the draft; raises StorageError for a damaged one."""
    config, status = run.config(), run.state().status
    replace_draft(draft_of(config))
    st.session_state["asked_source"] = draft().source
    _show(run)
    if status in ACTIVE:
        watch(run.run_id)


def leave_run() -> None:
    """Close the open run; its files stay."""
    st.session_state["run_id"] = ""


def job() -> JobStatus | None:
    """How far the open run is; None where none is open or it was deleted."""
    if not run_id():
        return None
    try:
        return status(run_id())
    except StorageError as error:
        leave_run()
        st.session_state["greeting_error"] = (error.key, error.values)
        return None


def status(run_id: str) -> JobStatus:
    """How far a run is, looked up once in each drawing; raises StorageError where there is no such run."""
    looked_up = st.session_state.get(_LOOKED_UP, {})
    if run_id not in looked_up:
        looked_up[run_id] = backend().status(run_id)
    return looked_up[run_id]


@contextmanager
def one_drawing() -> Iterator[None]:
    """Within it `status` remembers what it has looked up; a fragment that polls draws outside of it."""
    st.session_state[_LOOKED_UP] = {}
    try:
        yield
    finally:
        st.session_state.pop(_LOOKED_UP, None)


def folder() -> RunFolder:
    """The folder of the open run; raises StorageError where there is none."""
    return open_run(run_id())


def settings_changed() -> bool:
    """Whether the draft differs from the settings of the open run."""
    try:
        return draft().config() != draft_of(folder().config()).config()
    except HeadlightError:
        return True


def inspection() -> Answer | None:
    """What the worker says of the draft's model; None where it has not been asked."""
    source = draft().source
    if not source or st.session_state.get("asked_source") != source:
        return None
    return backend().ask("inspect", model_question())


def inspect_again() -> None:
    """Ask the worker for the model's card, forgetting an earlier answer."""
    st.session_state["asked_source"] = draft().source
    backend().ask("inspect", model_question(), again=True)


def model_question() -> str | dict[str, str]:
    """What the worker is asked of the draft's model: its name, with the adapter where one is chosen."""
    source, adapter = draft().source, draft().adapter
    return {"source": source, "adapter": adapter} if adapter else source


def model_ready() -> bool:
    """Whether the draft's model has been checked and can be analysed."""
    answer = inspection()
    return bool(answer and answer.value)


def model_refused() -> bool:
    """Whether the draft's model was looked at and cannot be analysed."""
    answer = inspection()
    return bool(answer and answer.error_key)


def examples_ready() -> bool:
    """Whether the draft's examples pass every check that needs no model."""
    return not fails(draft().examples.check)


def fails(action: Callable[[], Any]) -> HeadlightError | None:
    """The error that an action ends in, or None."""
    try:
        action()
    except HeadlightError as error:
        return error
    return None


def choose_preset(name: str) -> None:
    """Take a preset with its autoencoder settings."""
    draft().preset = name
    draft().autoencoder = PRESETS[name]  # type: ignore[index]
    refill("autoencoder")


def adopt(run: RunFolder) -> None:
    """Show a run that was made from the draft, which its folder now holds, and tell when it has ended."""
    draft().given = draft().examples
    _show(run)
    watch(run.run_id)


def watch(run_id: str) -> None:
    """Tell the reader when this run has ended."""
    watched = st.session_state.get(WATCHED, [])
    st.session_state[WATCHED] = [*(other for other in watched if other != run_id), run_id]


def sees_at_work() -> None:
    """Note that the reader looks at the open run while it is at work."""
    st.session_state[_SEEN_AT_WORK] = run_id()


def looks_away() -> None:
    """Note that the reader is on another page than that of the run at work."""
    st.session_state.pop(_SEEN_AT_WORK, None)


def saw_it_end() -> bool:
    """Whether the open run, which is done, was at work under the reader's eyes until now; true once."""
    return bool(run_id()) and st.session_state.pop(_SEEN_AT_WORK, "") == run_id()


def polls() -> None:
    """Say that this page polls, so that nothing else does."""
    st.session_state["polling"] = True


def _show(run: RunFolder) -> None:
    replaced = st.session_state.get(REPLACED, ())
    st.session_state.setdefault(BEFORE_RUN, {})[run.run_id] = replaced[0] if replaced else None
    st.session_state["run_id"] = run.run_id
    for key in ("head", "picked"):
        st.session_state.pop(key, None)
