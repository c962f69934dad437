"""The draft and the disk: what a person has typed outlives reload, tab and server, and nothing replaces it in silence.

The draft of a session is written whenever it has changed, into the file of the browser's owner. A session whose draft
came from what the file holds continues it and may overwrite it; otherwise another tab has written meanwhile, and the
texts that are overwritten join the former ones, which can be taken back.
"""

import json
from dataclasses import replace

import streamlit as st

from core.errors import StorageError
from core.examples.example_set import LABELS
from core.runs.drafts import Draft, Drafts, change_drafts, is_owner, new_owner, read_drafts
from pages.parts.session import state

COOKIE = "headlight_reader"
"""Cookie with the name of the browser's owner; `pages.parts.shell.serving` sets it."""
NOTICE = "kept_notice"
"""Key of what the examples page says of other tabs: `conflict` (these texts count now) or `newer` (others do)."""
_OWNER = "kept_owner"
_VERSION = "kept_version"  # Version of the file that the draft continues; missing where it continues none
_WRITTEN = "kept_written"  # The draft as the file holds it
_FORMER = "kept_former"
_PAGE = "kept_page"


def cookie(name: str) -> str:
    """What the browser said under this name when the session began."""
    return st.context.cookies.get(name, "")


def owner() -> str:
    """Whose drafts these are: the name in the browser's cookie, else a new one for this session."""
    if _OWNER not in st.session_state:
        named = cookie(COOKIE)
        st.session_state[_OWNER] = named if is_owner(named) else new_owner()
    return str(st.session_state[_OWNER])


def begin(run: str = "") -> bool:
    """Take over what the owner typed before, beside the run that is open; whether there was a draft to take."""
    try:
        drafts = read_drafts(owner())
    except StorageError as error:
        st.session_state["greeting_error"] = (error.key, error.values)
        drafts = Drafts()
    st.session_state[_FORMER] = drafts.earlier
    if run and not (drafts.run == run and drafts.current.own):
        return False
    _show(drafts)
    return bool(drafts.version and drafts.current.source)


def keep(page: str) -> None:
    """Bring the session's draft and the file into step; a file that cannot be written or read is said once."""
    _note_unread()
    try:
        _compare(page)
    except StorageError as error:
        if st.session_state.get("kept_error") != error.key:
            st.session_state["greeting_error"] = (error.key, error.values)
        st.session_state["kept_error"] = error.key
    else:
        st.session_state.pop("kept_error", None)
    st.session_state[_PAGE] = page


def former() -> list[Draft]:
    """Former drafts with own texts that the draft does not hold, newest first."""
    kept = (*st.session_state.get(state.REPLACED, ()), *st.session_state.get(_FORMER, ()))
    return [other for other in kept if not state.draft().holds(other)]


def bring_back(wanted: Draft) -> None:
    """Make a former draft the draft again; the one that it replaces is kept where it holds own texts."""
    remove(wanted)
    source = wanted.source or state.draft().source
    state.leave_run()
    state.replace_draft(replace(wanted, source=source))
    st.session_state.pop(NOTICE, None)


def close_run() -> None:
    """Go back to how it was before the open run was opened: with the own texts that it has replaced, if any."""
    before = st.session_state.get(state.BEFORE_RUN, {}).get(state.run_id())
    if before is not None and not state.draft().own:
        bring_back(before)
    state.leave_run()


def take_those() -> None:
    """Show the texts of the other tab; own texts of this one are kept among the former ones."""
    notice = st.session_state.pop(NOTICE, "")
    if notice == "conflict" and former():
        bring_back(former()[0])
    elif notice == "newer":
        former_draft = state.draft()
        _show(read_drafts(owner()))
        state.keep_former(former_draft)


def keep_these() -> None:
    """Go on with the texts of this tab; those of the other one are kept among the former ones."""
    if st.session_state.get(NOTICE) == "newer":
        _write(state.draft(), (), overwrite=True)
    st.session_state.pop(NOTICE, None)


def remove(unwanted: Draft) -> None:
    """Forget a former draft, here and on the disk."""
    for key in (state.REPLACED, _FORMER):
        st.session_state[key] = tuple(other for other in st.session_state.get(key, ()) if other != unwanted)
    state.fails(lambda: _without(unwanted))


def _without(unwanted: Draft) -> None:
    continued = read_drafts(owner()).version == st.session_state.get(_VERSION)
    drafts = change_drafts(owner(), lambda drafts: drafts.without(unwanted))
    if continued:
        st.session_state[_VERSION] = drafts.version


def _show(drafts: Drafts) -> None:
    st.session_state["draft"] = replace(drafts.current)
    st.session_state[_VERSION] = drafts.version
    st.session_state[_WRITTEN] = replace(drafts.current)
    st.session_state[_FORMER] = drafts.earlier
    if drafts.current.examples.examples:  # to which one came past a model that had been checked
        st.session_state["asked_source"] = drafts.current.source
    state.refill()


def _note_unread() -> None:
    """What the boxes hold, where it cannot be read as texts, is a part of the draft."""
    boxes = {label: st.session_state.get(f"paste_{label}") for label in LABELS}
    if any(box is None for box in boxes.values()):
        return
    draft, error = state.draft(), st.session_state.get(state.UNREAD)
    draft.unread = {label: str(box) for label, box in boxes.items()} if error else {}
    # as a file gives it back, so that the draft equals what was written
    draft.unread_because = (error[0], json.loads(json.dumps(dict(error[1]), default=str))) if error else None


def _compare(page: str) -> None:
    draft, replaced = state.draft(), st.session_state.get(state.REPLACED, ())
    drafts = read_drafts(owner())
    continues = drafts.version == st.session_state.get(_VERSION)
    kept = (drafts.current,) if drafts.current.own and not (continues or draft.own) else ()
    st.session_state[_FORMER] = (*kept, *drafts.earlier)
    if replaced or draft != st.session_state.get(_WRITTEN, Draft()):
        _write(draft, replaced, overwrite=continues or draft.own or not drafts.current.own)
    elif not continues and _VERSION in st.session_state and drafts.current.own and not _shows_other(draft):
        if page == st.session_state.get(_PAGE) == "examples":  # somebody may be typing in the boxes
            st.session_state[NOTICE] = "newer"
        else:
            _show(drafts)


def _shows_other(draft: Draft) -> bool:
    """Whether this tab shows a scenario or a run rather than what was typed."""
    return bool(draft.examples.examples) and not draft.own


def _write(draft: Draft, replaced: tuple[Draft, ...], overwrite: bool) -> None:
    """Write former drafts, and the draft itself unless it shows what stands elsewhere over another tab's own texts."""
    held, known = replace(draft), st.session_state.get(_VERSION)
    overwritten: list[Draft] = []

    def change(drafts: Drafts) -> Drafts:
        other = drafts.current
        if overwrite and drafts.version != known and other.own and not held.holds(other):
            overwritten.append(other)
        for former_draft in (*overwritten, *reversed(replaced)):
            drafts = drafts.keeping(former_draft)
        now = {"current": held, "run": state.run_id()} if overwrite else {}
        return drafts.model_copy(update=now)

    drafts = change_drafts(owner(), change)
    st.session_state[_WRITTEN] = held
    st.session_state.pop(state.REPLACED, None)
    if overwrite:
        st.session_state[_FORMER], st.session_state[_VERSION] = drafts.earlier, drafts.version
    if overwritten and known is not None:
        st.session_state[NOTICE] = "conflict"
