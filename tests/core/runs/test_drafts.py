"""What a person has typed, on the disk: read back as written, former texts kept, damaged files set aside."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import PRESETS
from core.errors import StorageError
from core.examples.example_set import Example, ExampleSet
from core.examples.reading import from_rows
from core.runs import drafts as kept
from core.runs.drafts import Draft, Drafts, change_drafts, drafts_file, new_owner, read_drafts
from core.storage import BUNDLED_MODELS

OWNER = "0123456789abcdef0123456789abcdef"
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60
).filter(str.strip)


def texts(*given: str) -> ExampleSet:
    return from_rows({"label": "anomalous", "text": text} for text in given)


def own(*given: str) -> Draft:
    return Draft(source="/models/mine", source_kind="folder", examples=texts(*given))


def put(draft: Draft) -> Drafts:
    return change_drafts(OWNER, lambda drafts: drafts.model_copy(update={"current": draft}))


@given(lines=st.lists(TEXT, max_size=4), box=TEXT, keep_ends=st.booleans(), seed=st.integers(0, 2**31 - 1))
def test_draft_reads_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], box: str, keep_ends: bool, seed: int
) -> None:
    os.environ["HEADLIGHT_HOME"] = str(
        tmp_path_factory.mktemp("home")
    )  # the fixture's lasts for one example only
    examples = texts(*lines).model_copy(update={"form": "chat", "system": box, "switches": {"think": True}})
    draft = Draft(
        source="/models/mine",
        source_kind="folder",
        examples=examples,
        unread={"normal": box},
        keep_ends=keep_ends,
        autoencoder=PRESETS["paper"],
        seed=seed,
    )
    assert put(draft).current == draft
    assert read_drafts(OWNER).current == draft


def test_every_change_has_a_version_and_the_file_names_no_installation() -> None:
    bundled = Draft(source=str(BUNDLED_MODELS / "tickets"))
    assert read_drafts(OWNER) == Drafts()
    assert put(bundled).version == 1
    assert put(bundled).version == 1
    assert put(own("a")).version == 2
    put(bundled)
    assert str(BUNDLED_MODELS) not in drafts_file(OWNER).read_text()
    assert read_drafts(OWNER).current == bundled
    assert drafts_file(OWNER).parent.stat().st_mode & 0o077 == 0 or os.name == "nt"


def test_texts_are_own_until_they_are_those_that_came_with_something() -> None:
    assert not Draft().own
    assert own("a").own
    assert Draft(unread={"normal": "label\ttext\nodd\tone"}).own
    sample = replace(own("a", "b"), given=texts("a", "b"))
    assert not sample.own
    assert not replace(sample, examples=texts("a")).own
    assert replace(sample, examples=texts("a", "c")).own
    answered = from_rows([{"label": "anomalous", "text": "a", "expected": "Billing"}])
    assert replace(sample, examples=answered).own


@pytest.mark.parametrize("name", kept.AROUND)
def test_what_stands_around_all_texts_is_own_too(name: str) -> None:
    framed = Draft(examples=ExampleSet().model_copy(update={name: "Ticket: {text}"}))
    assert framed.own
    assert not own("a").holds(framed)
    assert framed.holds(framed)
    assert not replace(framed, given=framed.examples).own


def test_former_texts_are_kept_once_and_the_oldest_goes_first() -> None:
    drafts = Drafts().keeping(own("a")).keeping(own("a", "b")).keeping(Draft())
    assert drafts.earlier == (own("a", "b"),)
    drafts = drafts.keeping(own("a")).without(own("a", "b"))
    assert drafts.earlier == (own("a"),)
    for number in range(kept.MOST_FORMER):
        drafts = drafts.keeping(own(f"text {number}"))
    assert len(drafts.earlier) == kept.MOST_FORMER
    assert drafts.earlier[0] == own(f"text {kept.MOST_FORMER - 1}")
    assert own("a") not in drafts.earlier


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("{", "damaged_drafts"),
        ("[]", "damaged_drafts"),
        ("null", "damaged_drafts"),
        ('{"format": 1, "current": {"examples": 3}}', "damaged_drafts"),
        ('{"format": "x"}', "damaged_drafts"),
        ('{"format": 99, "current": {"of": "later"}}', "newer_drafts"),
    ],
)
def test_file_that_cannot_be_read_is_set_aside_and_named(content: str, key: str) -> None:
    drafts_file(OWNER).write_text(content)
    with pytest.raises(StorageError) as refused:
        read_drafts(OWNER)
    assert refused.value.key == key
    aside = Path(refused.value.values["path"])
    assert aside.read_text() == content
    assert read_drafts(OWNER) == Drafts()
    assert put(own("a")).current == own("a")
    assert aside.read_text() == content


def test_unknown_parts_of_a_file_of_this_format_are_no_fault() -> None:
    put(own("a"))
    content = json.loads(drafts_file(OWNER).read_text())
    content["current"]["later"] = content["later"] = 1
    drafts_file(OWNER).write_text(json.dumps(content))
    assert read_drafts(OWNER).current == own("a")


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", OWNER.upper(), OWNER + "\n", OWNER[:-1], "𝟘" * 32]
)
def test_name_from_outside_becomes_no_path(name: str) -> None:
    assert not kept.is_owner(name)
    with pytest.raises(StorageError):
        read_drafts(name)


def test_new_owners_are_valid_and_differ() -> None:
    names = {new_owner() for _ in range(20)}
    assert len(names) == 20
    assert all(map(kept.is_owner, names))


def test_home_that_cannot_be_written_is_an_error_of_ours(own_home: Path) -> None:
    own_home.mkdir()
    (own_home / "drafts").write_text("a file in the way")
    with pytest.raises(StorageError):
        put(own("a"))


def test_made_and_refused_partners_are_kept_and_are_the_readers_own() -> None:
    rows = [("anomalous", "on Monday", "made-1", ""), ("normal", "on Friday", "made-1", "made")]
    examples = ExampleSet(
        examples=tuple(Example(label=a, text=b, pair=c, source=d) for a, b, c, d in rows),  # type: ignore[arg-type]
        refused=("on Sunday",),
    )
    draft = Draft(source="/models/mine", examples=examples, given=texts("on Monday"), partners="off")
    put(draft)
    read = read_drafts(OWNER).current
    assert (read.examples, read.partners) == (examples, "off")
    assert read.own
