"""Downloads beside the report: everything as one ZIP, and folded the single files; made when they are asked for."""

from functools import partial

import streamlit as st

from core.report.export import MADE, content, package
from core.runs.run_folder import RunFolder
from pages.parts.data.results import Result
from pages.parts.report import pictures
from pages.parts.session.state import language, t
from pages.parts.shell import widgets

GROUPS = {
    "document": ("report.html", "manifest.json", "evidence.json"),
    "again": MADE,
    "tables": ("heads.csv", "edges.csv", "codes.csv", "examples.csv", "effects.csv"),
}


def show(run: RunFolder, result: Result) -> None:
    """The ZIP, and the single files behind a fold that is filled only when it is opened."""
    st.subheader(t("report.downloads"), anchor=False)
    tongue = language()  # files are made outside the session, where the reader's language is not known
    widgets.download(
        f"headlight-{run.run_id}.zip",
        lambda: package(run, pictures.files(result, tongue), tongue),
        t("report.all"),
        icon=":material/folder_zip:",
        type="primary",
        width="stretch",
    )
    st.caption(t("report.files_text"))
    fold = st.expander(t("report.single"), key="single_files", on_change="rerun")
    if fold.open:
        with fold, st.container(gap="xsmall"):
            for group, names in GROUPS.items():
                st.markdown(f"**{t(f'report.{group}')}**")
                for name in names:
                    if name in MADE or (run.path / name).exists():
                        widgets.download(name, partial(content, run, name, tongue), width="stretch")
            st.markdown(f"**{t('report.pictures')}**")
            _pictures(result)


def _pictures(result: Result) -> None:
    tongue, hindrance = language(), pictures.hindrance()
    for kind in pictures.kinds(result):
        st.caption(t(f"picture.{kind}"))
        with st.container(horizontal=True, gap="xsmall"):
            for ending in pictures.FORMATS:
                widgets.download(
                    pictures.file_name(kind, tongue, ending),
                    partial(pictures.picture, result, kind, tongue, ending),
                    ending.upper(),
                    icon=None,
                    disabled=pictures.hindered(result, kind, tongue, ending, hindrance),
                    width="stretch",
                )
    if hindrance:
        st.warning(t(f"report.no_{hindrance}"), icon=":material/info:")
    st.caption(t("report.picture_language"))
