"""Downloads beside the report: everything as one ZIP, and folded the single files; made when they are asked for."""

from functools import partial

import streamlit as st

from core.report.export import Pictures, content, package
from core.runs.run_folder import RunFolder
from pages.parts.data.results import Result
from pages.parts.report import pictures
from pages.parts.session.state import language, t

TABLES = ("heads.csv", "edges.csv", "codes.csv", "examples.csv", "effects.csv")
OTHERS = (
    ("report.html", "text/html"),
    ("manifest.json", "application/json"),
    ("evidence.json", "application/json"),
)


def show(run: RunFolder, result: Result) -> None:
    """The ZIP, and the single files behind a fold that is filled only when it is opened."""
    st.subheader(t("report.downloads"), anchor=False)
    st.download_button(
        t("report.all"),
        data=lambda: package(run, pictures.files(result)),
        file_name=f"headlight-{run.run_id}.zip",
        mime="application/zip",
        key="download_all",
        on_click="ignore",
        icon=":material/folder_zip:",
        type="primary",
        width="stretch",
    )
    st.caption(t("report.files_text"))
    fold = st.expander(t("report.single"), key="single_files", on_change="rerun")
    if fold.open:
        with fold:
            _single(run, result)


def _single(run: RunFolder, result: Result) -> None:
    with st.container(gap="xsmall"):
        st.markdown(f"**{t('report.document')}**")
        for name, kind in OTHERS:
            if (run.path / name).exists():
                _button(name, partial(_file, run, result, name), name, kind)
        st.markdown(f"**{t('report.tables')}**")
        for name in TABLES:
            if (run.path / name).exists():
                _button(name, partial(_file, run, result, name), name, "text/csv")
        st.markdown(f"**{t('report.pictures')}**")
        _pictures(result)


def _pictures(result: Result) -> None:
    tongue = language()
    hindrance = pictures.hindrance()
    for kind in pictures.kinds(result):
        st.caption(t(f"picture.{kind}"))
        with st.container(horizontal=True, gap="xsmall"):
            for ending, mime in pictures.FORMATS.items():
                _button(
                    ending.upper(),
                    partial(pictures.picture, result, kind, tongue, ending),
                    pictures.file_name(kind, tongue, ending),
                    mime,
                    disabled=pictures.hindered(result, kind, tongue, ending, hindrance),
                )
    if hindrance:
        st.warning(t(f"report.no_{hindrance}"), icon=":material/info:")
    st.caption(t("report.picture_language"))


def _button(label: str, data: partial[bytes], name: str, mime: str, *, disabled: bool = False) -> None:
    st.download_button(
        label,
        data=data,
        file_name=name,
        mime=mime,
        key=f"download_{name}",
        on_click="ignore",
        icon=":material/download:" if "." in label else None,
        disabled=disabled,
        width="stretch",
    )


def _file(run: RunFolder, result: Result, name: str) -> bytes:
    """One file for download; the report holds the picture."""
    circuit = Pictures(pictures.of_circuit(result)) if name == "report.html" else Pictures()
    return content(run, name, circuit)
