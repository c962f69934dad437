"""Names of the files of a run that go along when it is taken away or replaced."""

RESULT_FILES = (
    "heads.csv",
    "edges.csv",
    "codes.csv",
    "examples.csv",
    "effects.csv",
    "evidence.json",
    "partners.json",
    "mechanisms.json",
    "manifest.json",
    "report.html",
    "tensors.safetensors",
    "circuit.json",
    "sensitivity.json",
    "robustness.json",
    "sweep.csv",
    "sweep_map.csv",
)


ADDED_FILES = ("labels.json", "review.json", "roi.json")
"""What people add to a result (`core.runs.head_notes`, `core.runs.review`, `core.runs.cost_sheet`); it goes
with the result it speaks of.
"""
