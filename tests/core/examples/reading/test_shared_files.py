"""Files as people have them, each with what it must give."""

import json

import pytest

from core.errors import ExamplesError
from core.examples.reading import Mapping, parse_examples
from tests.support.paths import SHARED

FOLDER = SHARED / "cases" / "texts"
FILE = FOLDER / "expected.json"
EXPECTED = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
REFUSED = {
    "badbyte.csv": ("not_utf8", "Line 2"),
    "empty.csv": ("empty_file", "empty"),
    "headonly.csv": ("no_rows", "no texts"),
    "nan.jsonl": ("no_text", "Line 1"),
    "nul.csv": ("nul_character", "Line 2"),
    "quotes.csv": ("row_too_long", "Line 2"),
    "renamed.csv": ("not_a_text_file", "not a text file"),
}
ASKED = {"labels_1.csv": Mapping(labels={"pos": "anomalous", "neg": "normal"})}

pytestmark = pytest.mark.skipif(not EXPECTED, reason=f"there is no {FILE}")


@pytest.mark.parametrize("name", sorted(EXPECTED.keys() - REFUSED.keys()))
def test_file_is_read_as_it_is_meant(name):
    wanted, content = EXPECTED[name], (FOLDER / name).read_bytes()
    if name in ASKED:
        with pytest.raises(ExamplesError) as caught:
            parse_examples(content, name)
        assert caught.value.key == "labels_unclear"
        assert caught.value.values["counts"] == {"pos": 5, "neg": 5}
    reading = parse_examples(content, name, mapping=ASKED.get(name))
    examples = reading.examples.check()
    assert (examples.count("anomalous"), examples.count("normal")) == (wanted["anomalous"], wanted["normal"])
    assert wanted.get("contains", "") in examples.of("anomalous")[0].text
    assert (examples.form == "chat") == wanted.get("chat", False)
    assert set(examples.examples[0].carried) == set(wanted.get("carried", []))
    if "pairs" in wanted:
        assert len({example.pair for example in examples.examples}) == wanted["pairs"]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_file_is_refused_with_what_is_wrong(name):
    key, part = REFUSED[name]
    with pytest.raises(ExamplesError, match=part) as caught:
        parse_examples((FOLDER / name).read_bytes(), name)
    assert caught.value.key == key
