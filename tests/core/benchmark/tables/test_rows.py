"""The columns of benchmark.csv."""

from core.benchmark.tables.rows import COLUMNS, Row


def test_verdict_columns_stand_at_the_end_of_the_file():
    names = list(Row.__dataclass_fields__)
    assert tuple(names) == COLUMNS
    assert names[names.index("hits_in_ten_best") + 1 :] == [
        "confirmed_precision",
        "confirmed_recall",
        "false_confirmations",
        "shuffles",
        "shuffles_tested",
        "false_confirmations_unpaired",
        "shuffles_unpaired",
        "shuffles_unpaired_tested",
        "evidence_seconds",
        "evidence_passes",
        "jaccard",
        "false_discoveries",
        "false_discoveries_unpaired",
        "wrong_at_q",
        "role",
        "strong_recall",
        "strongest_tested",
    ]
