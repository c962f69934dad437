"""Comments and sign-off at the end of the report; they are kept with the run."""

from datetime import date, datetime

import streamlit as st

from core.runs.review import DECISIONS, LONGEST_COMMENT, Review, SignOff, add_comment, sign
from core.text import text
from pages.parts import shell
from pages.parts.session import state
from pages.parts.session.state import t

SIGNS = {
    "accepted": ("green", ":material/check:"),
    "more_work": ("orange", ":material/build:"),
    "rejected": ("red", ":material/close:"),
}


def show(review: Review) -> None:
    """What was decided, and the form to decide."""
    st.subheader(t("review.sign_off"), anchor=False)
    _decision(review)
    _sign_form()


def comments(review: Review) -> None:
    """What was said, and the form to say more; folded."""
    count = len(review.comments)
    title = t("review.comments")
    title = t("shell.bracketed", words=title, more=count) if count else title
    with st.expander(title, key="comments_fold"):
        _comments(review)
        _comment_form()


def _comments(review: Review) -> None:
    if not review.comments:
        st.caption(t("review.no_comments"))
    for comment in review.comments:
        with st.container(border=True, gap="xsmall"):
            written = datetime.fromisoformat(comment.written).strftime("%Y-%m-%d %H:%M")
            st.caption(f"{shell.plain(comment.author or t('review.nobody'))} · {written}")
            st.text(comment.text)


def _comment_form() -> None:
    with st.form("comment_form", border=False):
        st.text_area(t("review.comment"), key="comment_text", max_chars=LONGEST_COMMENT, height=90)
        left, right = st.columns([2, 1], vertical_alignment="bottom")
        left.text_input(t("review.your_name"), key="comment_author")
        right.form_submit_button(t("review.add"), key="add_comment", on_click=_add, width="stretch")
    _show_error("comment_error")


def _decision(review: Review) -> None:
    if review.sign_off is None:
        st.caption(t("review.open"))
        st.html(f'<p class="print-only sign-here">{text(state.language(), "report.sign_here")}</p>')
        return
    colour, icon = SIGNS[review.sign_off.decision]
    st.badge(_words(review.sign_off), color=colour, icon=icon)  # type: ignore[arg-type]
    for earlier in reversed(review.sign_offs[:-1]):
        st.caption(t("review.earlier", signed=_words(earlier)))


def _words(signed: SignOff) -> str:
    return t(
        "review.signed",
        decision=t(f"review.{signed.decision}"),
        name=shell.plain(signed.name),
        date=signed.date,
    )


def _sign_form() -> None:
    with st.container(key="sign_form"):
        st.radio(
            t("review.decision"),
            DECISIONS,
            index=None,
            format_func=state.named(DECISIONS, "review.{}").__getitem__,
            key="sign_decision",
            horizontal=True,
        )
        name, day, button = st.columns([2, 1.2, 1], vertical_alignment="bottom")
        name.text_input(t("review.your_name"), key="sign_name")
        day.date_input(t("review.date"), date.today(), key="sign_date", format="YYYY-MM-DD")
        session = st.session_state
        ready = bool(session.get("sign_decision") and session.get("sign_name", "").strip())
        button.button(
            t("review.sign"),
            key="sign",
            on_click=_sign,
            width="stretch",
            disabled=not ready,
            help=None if ready else t("review.sign_needs"),
        )
    _show_error("sign_error")


def _add() -> None:
    session = st.session_state
    author, comment = session.get("comment_author", ""), session.get("comment_text", "")
    session["comment_error"] = state.fails(lambda: add_comment(state.folder(), author, comment))
    if not session["comment_error"]:
        session["comment_text"] = ""


def _sign() -> None:
    session = st.session_state
    name, decision, day = session["sign_name"], session["sign_decision"], session["sign_date"] or date.today()
    session["sign_error"] = state.fails(lambda: sign(state.folder(), name, decision, day))


def _show_error(key: str) -> None:
    if error := st.session_state.pop(key, None):
        shell.show(error)
