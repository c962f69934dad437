"""A result as files: CSV that Excel opens in both languages, the manifest, the run's tensors, an HTML page."""

from safetensors.torch import save as save_tensors

from core.report.html import Additions, report
from core.runs.compared import PARTNERS_FILE
from core.runs.facts import facts
from core.runs.result_reader import MECHANISMS_FILE
from core.runs.run_folder import RunFolder
from core.schema import RunResult, units_table
from core.text.csv_safe import csv_bytes


def save(result: RunResult, folder: RunFolder) -> None:
    """Write every file of the result into the run folder; the manifest last, as the sign that all is there."""
    folder.write_bytes("heads.csv", csv_bytes(units_table(result.heads, result.mlps)))
    for name in ("edges", "codes", "examples", "effects"):
        folder.write_bytes(f"{name}.csv", csv_bytes(getattr(result, name)))
    folder.write_model("evidence.json", result.evidence)
    if result.partners is not None:
        folder.write_model(PARTNERS_FILE, result.partners)
    if result.mechanisms is not None:
        folder.write_model(MECHANISMS_FILE, result.mechanisms)
    if result.tensors:
        folder.write_bytes(
            "tensors.safetensors", save_tensors({k: v.contiguous() for k, v in result.tensors.items()})
        )
    folder.write_bytes("report.html", html_report(result, folder.language()).encode())
    folder.write_model("manifest.json", result.manifest)


def html_report(result: RunResult, language: str = "en") -> str:
    """One self-contained page in one language that needs no network and prints on A4."""
    about = facts(result.manifest, result.heads, result.edges, partners=result.partners, mlps=result.mlps)
    return report(about, result.examples, Additions(mechanisms=result.mechanisms), language)
