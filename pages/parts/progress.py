"""A run on its way: place in the queue, bar, stages with their times, loss curve, time left."""

from html import escape

import streamlit as st

from core.jobs import JobStatus
from core.progress import STAGES, read_records, stage_seconds
from core.runs import open_run
from pages.parts import charts, colours, texts
from pages.parts.state import language, t, tn

LOSS_POINTS = 300


def show(job: JobStatus) -> None:
    """All that is known of an active run."""
    if job.state.status == "queued":
        st.info(tn("analysis.queued", job.place), icon=":material/hourglass_empty:")
        return
    records = read_records(open_run(job.run_id))
    st.progress(_share(job), text=_line(job))
    left, right = st.columns([2, 3], gap="large")
    with left:
        stages(job)
    losses = [record.metrics["loss"] for record in records if "loss" in record.metrics]
    with right:
        if losses:
            _loss(losses)
    st.caption(t("analysis.leave"))


def stages(job: JobStatus) -> None:
    """Every stage with the seconds it took."""
    records = read_records(open_run(job.run_id))
    now = None if not job.active else job.state.started + job.seconds
    seconds = stage_seconds(records, now if job.active else job.state.finished)
    current = job.state.stage if job.active else ""
    rows = "".join(_stage(stage, seconds, current) for stage in STAGES)
    st.html(f'<ul class="stages">{rows}</ul>')


def _stage(stage: str, seconds: dict[str, float], current: str) -> str:
    kind = "now" if stage == current else "done" if stage in seconds else "waiting"
    sign = {"now": "◉", "done": "●", "waiting": "○"}[kind]
    shown = texts.duration(language(), seconds[stage]) if stage in seconds else ""
    if not shown and not current:
        shown = t("analysis.not_part")
    name = f"{sign} {escape(t(f'stage.{stage}'))}"
    return f'<li class="{kind}"><span>{name}</span><span>{escape(shown)}</span></li>'


def _line(job: JobStatus) -> str:
    parts = [t(f"stage.{job.state.stage}") if job.state.stage in STAGES else t("status.running")]
    parts.append(t("analysis.so_far", time=texts.duration(language(), job.seconds)))
    if job.seconds_left is not None and job.seconds_left > 1:
        parts.append(t("analysis.left", time=texts.duration(language(), job.seconds_left)))
    return " · ".join(parts)


def _share(job: JobStatus) -> float:
    """Share of the time where the rest is known, else of the stages."""
    if job.seconds_left is not None and job.seconds > 0:
        return min(0.99, job.seconds / (job.seconds + job.seconds_left))
    place = STAGES.index(job.state.stage) if job.state.stage in STAGES else 0
    return min(0.99, (place + job.state.step / max(1, job.state.total)) / len(STAGES))


def _loss(losses: list[float]) -> None:
    step = max(1, len(losses) // LOSS_POINTS)
    st.caption(t("analysis.loss"))
    st.altair_chart(
        charts.loss_curve(losses[::step], colours.palette(), t),
        key="loss_curve",
        alt=t("alt.loss", first=texts.number(losses[0]), last=texts.number(losses[-1])),
    )
