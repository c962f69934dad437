"""Bytes of text files as characters: what tells an encoding, what is guessed, what is refused."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ExamplesError
from core.examples.reading.formats.decoding import decode, lines_of

TABLE = "label,text\r\nanomalous,{}\r\nnormal,{}\r\n"
TEXTS = {
    ("cp1252", "German"): ("Die Rechnung für Müller ist überfällig", "Der Vertrag für Müller ist gekündigt"),
    ("cp1252", "French"): (
        "La facture du prénom Jérôme est déjà payée, où est-elle ?",
        "Le contrat de l’élève a été signé à Orléans",
    ),
    ("cp1252", "Spanish"): ("¿Dónde está la factura del señor Muñoz?", "El año próximo vendrá la señora"),
    ("cp1252", "Swedish"): ("Fakturan för Åsa är försenad på grund av öl", "Avtalet för Åsa är klart"),
    ("cp1252", "quotes"): ("“Don’t” pay the invoice – it’s overdue…", "“Don’t” sign the contract"),
    ("cp1250", "Polish"): (
        "Faktura za usługę została opłacona późno, proszę o źródło",
        "Umowa została podpisana w Łodzi",
    ),
    ("cp1250", "Czech"): (
        "Faktura je splatná, prosím přepošlete ji účetní Kateřině",
        "Smlouva byla podepsána ve čtvrtek",
    ),
    ("cp1251", "Russian"): (
        "Счёт просрочен, передайте его в бухгалтерию",
        "Договор подписан, передайте его юристам",
    ),
    ("cp1253", "Greek"): ("Το τιμολόγιο είναι ληξιπρόθεσμο", "Το συμβόλαιο υπογράφηκε"),
    ("cp932", "Japanese"): ("注文番号①11の請求書が届きません。髙山田商店", "契約書が届きません。"),
    ("cp932", "kanji alone"): ("請求書未着", "契約書未着"),
    ("euc_jp", "Japanese"): ("注文番号11の請求書が届きません。山田商店", "契約書が届きません。"),
    ("iso2022_jp", "Japanese"): ("注文番号11の請求書が届きません。", "契約書が届きません。"),
    ("gb18030", "Chinese"): ("订单的发票已经逾期，请转给财务部门", "合同已经签署，请转给法务部门"),
    ("big5", "Chinese"): ("訂單的發票已經逾期，請轉給財務部門", "合約已經簽署，請轉給法務部門"),
    ("cp949", "Korean"): (
        "주문 청구서가 연체되었습니다. 회계 부서로 보내 주세요",
        "계약서가 서명되었습니다.",
    ),
    ("mac_roman", "German"): ("Die Rechnung für Müller ist überfällig", "Der Vertrag für Müller"),
    ("utf-16-le", "Japanese"): ("注文の請求書が届きません", "契約書が届きません"),
    ("utf-16-be", "German"): ("Die Rechnung für Müller", "Der Vertrag für Müller"),
}


@pytest.mark.parametrize(("encoding", "language"), TEXTS)
def test_encoding_without_a_mark_is_guessed_and_named(encoding, language):
    text = TABLE.format(*TEXTS[encoding, language])
    decoded = decode(text.encode(encoding))
    assert (decoded.encoding, decoded.text) == (encoding, text)
    (note,) = decoded.notes
    assert note.key == "encoding_guessed"
    assert any(character > "\x7f" for character in str(note.values["sample"]))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-8"])
def test_mark_tells_the_encoding_and_is_no_guess(encoding):
    text = TABLE.format("für", "契約書")
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    decoded = decode(mark + text.encode(encoding))
    assert (decoded.text, decoded.notes) == (text, ())


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"label,text\nNG,over\x92due\nOK,b\n", 2),
        ("label,text\nNG,für\nOK,Müller ".encode() + b"\xff\n", 3),
        ("label,text\n異常,請求書\n正常,契約".encode() + b"\xe6\x9b\n", 3),
    ],
)
def test_utf8_with_a_byte_that_is_none_is_refused_with_its_line(content, line):
    with pytest.raises(ExamplesError, match=f"Line {line}") as caught:
        decode(content)
    assert caught.value.key == "not_utf8"


def test_offered_encoding_reads_the_file():
    content = b"label,text\nNG,don\x92t\nOK,b\n"
    with pytest.raises(ExamplesError) as caught:
        decode(content)
    assert "don’t" in decode(content, caught.value.values["encoding"]).text


@pytest.mark.parametrize(
    ("content", "encoding", "key"),
    [
        ("NG,é".encode("cp1252"), "utf-8", "bad_byte"),
        (codecs.BOM_UTF8 + "NG,é".encode("cp1252"), None, "bad_byte"),
        (b"NG,a", "klingon", "unknown_encoding"),
        (b"NG,a", "base64", "unknown_encoding"),
        (b"NG,a", "", "none"),
        (b"", None, "empty_file"),
        (b"\xef\xbb\xbf \r\n", None, "empty_file"),
        (b"PK\x03\x04....", None, "not_a_text_file"),
        (b"\x89PNG\r\n", "utf-8", "not_a_text_file"),
        (b"%PDF-1.7\n", None, "not_a_text_file"),
        (bytes(range(1, 256)) * 3, None, "not_a_text_file"),
    ],
)
def test_what_is_no_text_in_the_encoding_is_refused(content, encoding, key):
    try:
        decode(content, encoding)
    except ExamplesError as error:
        assert error.key == key or (key == "not_a_text_file" and error.key == "not_utf8")
    else:
        assert key == "none"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\x1b"), min_size=4))
def test_utf8_is_never_read_as_anything_else(text):
    decoded = decode(f"label,text\n{text}".encode())
    assert decoded.text == f"label,text\n{text}"
    assert decoded.notes == ()


@given(
    st.lists(st.text("aü漢\U0001f600,", min_size=1), min_size=1),
    st.sampled_from(["utf-16", "utf-8-sig", "utf-32"]),
)
def test_marked_text_comes_back_whatever_it_holds(lines, encoding):
    text = "label,text\n" + "\n".join(lines)
    assert decode(text.encode(encoding)).text == text


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_an_error_of_ours(content):
    try:
        assert decode(content).text
    except ExamplesError as error:
        assert str(error)


def test_lines_are_those_of_the_file():
    text = "a\r\nb\rc\nd"
    assert lines_of(text, [0, 3, 5, 7]) == [1, 2, 3, 4]
