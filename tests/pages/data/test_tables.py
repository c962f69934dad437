"""The tables on paper: each column and row of the screen's, written as there."""

import re

import pandas as pd

from pages.parts.data import tables


def test_paper_has_each_column_and_row_as_the_screen_writes_them() -> None:
    table = pd.DataFrame({"Head": ["L0H1", "<b>"], "Effect": [0.5, None], "Evidence": ["confirmed", ""]})
    told = tables.on_paper(table, {"Effect": lambda share: f"{share:.0%}"})
    cells = re.findall(r"<t[hd](?: [^>]*)?>(.*?)</t[hd]>", told)
    assert cells == ["Head", "Effect", "Evidence", "L0H1", "50%", "confirmed", "&lt;b&gt;", "", ""]
