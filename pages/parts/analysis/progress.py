"""A run on its way: place in the queue, bar, stages with their times, loss curve, time left."""

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from core.jobs.backend import JobStatus
from core.runs.progress import STAGES, Record, measured_timings, read_records, stage_seconds
from core.runs.run_folder import open_run
from pages.parts import i18n
from pages.parts.analysis import early
from pages.parts.charts import colours
from pages.parts.charts import shared as charts
from pages.parts.session.state import language, t, tn

LOSS_POINTS = 300


def show(job: JobStatus) -> None:
    """All that is known of an active run."""
    if job.state.status == "queued":
        waiting = tn("analysis.queued", job.place) if job.place else t("analysis.starting")
        st.info(waiting, icon=":material/hourglass_empty:")
        return
    records = read_records(open_run(job.run_id))
    st.progress(share(job), text=line(job, t("analysis.so_far", time=i18n.duration(language(), job.seconds))))
    left, right = st.columns(2, gap="large")
    with left:
        stages(job)
    losses = [record.metrics["loss"] for record in records if "loss" in record.metrics]
    with right:
        early.show(records)
        if len(losses) > 1:
            _loss(losses)
    st.caption(t("analysis.leave"))


def stages(job: JobStatus) -> None:
    """Every stage with the seconds it took."""
    records = read_records(open_run(job.run_id))
    end = job.state.started + job.seconds if job.active else job.state.finished
    seconds = stage_seconds(records, end)
    current = job.state.stage if job.active else ""
    asked = open_run(job.run_id).config().ranked_by != "codes"
    listed = [
        stage
        for stage in STAGES
        if (stage != "screen" or asked) and (stage != "partners" or job.active or stage in seconds)
    ]
    rows = "".join(_stage(stage, seconds, current) for stage in listed)
    st.html(f'<ul class="stages">{rows}</ul>')


def _stage(stage: str, seconds: dict[str, float], current: str) -> str:
    kind = "now" if stage == current else "done" if stage in seconds else "waiting"
    sign = {"now": "◉", "done": "●", "waiting": "○"}[kind]
    shown = i18n.duration(language(), seconds[stage]) if stage in seconds else ""
    if not shown and not current:
        shown = t("analysis.not_part")
    name = f"{sign} {escape(t(f'stage.{stage}'))}<small>{escape(t(f'stage_about.{stage}'))}</small>"
    return f'<li class="{kind}"><span>{name}</span><span>{escape(shown)}</span></li>'


def line(job: JobStatus, *more: str) -> str:
    """The stage of a run at work, what else there is to say, and the time that is left where it is known."""
    parts = [t(f"stage.{job.state.stage}") if job.state.stage in STAGES else t("status.running"), *more]
    if job.seconds_left is not None and job.seconds_left > 1:
        parts.append(t("analysis.left", time=i18n.duration(language(), job.seconds_left)))
    return " · ".join(parts)


def share(job: JobStatus) -> float:
    """Share of a run that is done, 0 to 0.99."""
    run = open_run(job.run_id)
    config = run.config()
    return share_done(read_records(run), measured_timings(config.model, config.preset))


def share_done(records: Sequence[Record], measured: Mapping[str, float] | None) -> float:
    """Share of a run that is done, 0 to 0.99; it never falls as records are added.

    Stages weigh what they took in an earlier run (`measured`, seconds), without one all the same.
    """
    weights = {stage: (measured or {}).get(stage, 0.0 if measured else 1.0) for stage in STAGES}
    total = sum(weights.values()) or 1.0
    before = {stage: sum(list(weights.values())[:place]) for place, stage in enumerate(STAGES)}
    reached = [
        (before[record.stage] + weights[record.stage] * min(1.0, record.step / max(1, record.total))) / total
        for record in records
        if record.stage in weights
    ]
    return min(0.99, max(reached, default=0.0))


def _loss(losses: list[float]) -> None:
    step = max(1, len(losses) // LOSS_POINTS)
    st.caption(t("analysis.loss"))
    st.altair_chart(
        charts.loss_curve(losses[::step], colours.palette(), t),
        key="loss_curve",
        alt=t("alt.loss", first=i18n.number(losses[0]), last=i18n.number(losses[-1])),
    )
