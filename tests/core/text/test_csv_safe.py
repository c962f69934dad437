"""CSV that spreadsheets open as it is meant."""

import numpy as np
import pandas as pd

from core.text.csv_safe import csv_bytes, guarded


def test_formulas_are_defused_in_text_and_numbers_stay_numbers():
    assert guarded("=1+1") == "'=1+1"
    assert guarded("＝1") == "'＝1"
    assert guarded("a=1") == "a=1"
    assert guarded(-1.5) == -1.5
    table = pd.DataFrame({"text": ["@cmd", "fine"], "=x": [-1.0, np.nan]})
    assert csv_bytes(table).decode("utf-8-sig") == "text,'=x\r\n'@cmd,-1.0\r\nfine,\r\n"
