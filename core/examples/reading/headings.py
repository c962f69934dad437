"""Which column holds what: headings as people and programs write them, in both languages."""

import re
import unicodedata

from core.examples.reading.mapping import ColumnRole

_SYNONYMS: dict[ColumnRole, str] = {
    "label": """label labels class side verdict judgement judgment category status kind
        ラベル 判定 区分 分類 種別 正誤 結果 判定結果""",
    "text": """text texts prompt input question query sentence body content instruction user_input user_message message
        user ticket example inputs テキスト 例文 本文 入力 入力文 プロンプト 質問 質問文 文 文章 問い合わせ 内容""",
    "pair": "pair pair_id pairid group group_id ペア ペア番号 組 組番号 対 グループ",
    "expected": """expected correct expected_output expected_answer expected_response expected_word correct_answer
        target reference reference_output gold ground_truth ideal
        期待 期待値 期待する回答 期待される回答 期待する出力 期待される出力 正解 正答""",
    "actual": """actual output actual_output actual_answer model_output prediction predicted generated generated_text
        model_answer model_response outputs 実際 実際の回答 実際の出力 出力 モデルの回答 モデルの出力 予測""",
    "messages": """messages conversations conversation chat dialog dialogue transcripts transcript
        会話 メッセージ 対話 会話履歴""",
    "system": "system system_prompt system_message developer システム システムプロンプト システムメッセージ",
    "answer": "answer completion response reply assistant chosen_answer 回答 応答 返答 返信 答え",
    "frame": "frame prompt_frame フレーム",
    "pair_source": "pair_source ペアの由来",
    "beginning": "beginning prefill answer_beginning 書き出し 回答の書き出し",
}
_ROLES: dict[str, ColumnRole] = {word: role for role, words in _SYNONYMS.items() for word in words.split()}

_PLAINEST = {
    *_SYNONYMS,
    "ラベル",
    "テキスト",
    "ペア",
    "期待",
    "実際",
    "会話",
    "システム",
    "回答",
    "書き出し",
    "フレーム",
}
_OUTPUTS = {
    "output",
    "outputs",
    "model_output",
    "model_response",
    "generated",
    "generated_text",
    "出力",
    "モデルの出力",
}

CARRIED = "carried."
"""How a further column's heading begins where it would be taken for one of ours."""

_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
_INNER = {
    "text": "input inputs request example",
    "messages": "input inputs request transcripts transcript output example",
    "system": "input inputs request",
    "label": "metadata scores score attributes feedback annotations annotation labels metadata.scores",
    "expected": "metadata reference example outputs expected_output reference_outputs",
    "pair": "metadata",
}
"""For a heading of two parts, as log platforms write nested values: role of the last part → what may stand in front."""

_OUTPUT = re.compile(
    r"(?:outputs?|response)\.(?:choices(?:\.0\.message\.content)?|content|text|output|answer|response|message|value"
    r"|completion|generations?)"
)


def normalised(heading: str) -> str:
    """A heading without capitals, outer and invisible characters, full-width forms; spaces and hyphens as `_`.

    Words that capitals alone part are parted as well: `expectedOutput` is `expected_output`.
    """
    name = _INVISIBLE.sub("", unicodedata.normalize("NFKC", heading)).strip().strip("\"'*:").strip()
    return re.sub(r"[\s\-]+|(?<=[a-z0-9])(?=[A-Z])", "_", name).casefold()


def role_of(heading: str) -> ColumnRole | None:
    """The role that a heading names, or None."""
    name = normalised(heading)
    if name.startswith(CARRIED):
        return "carried"
    if name in _ROLES:
        return _ROLES[name]
    if _OUTPUT.fullmatch(name):
        return "actual"
    before, _, last = name.rpartition(".")
    role = _ROLES.get(last)
    if (
        role is None
        or before == ""
        or re.sub(r"\.(default|0)$", "", before) not in _INNER.get(role, "").split()
    ):
        return None
    return role


def rank(heading: str) -> int:
    """How plainly a heading names its role: 0 for the role's own name, 1 for its synonyms, 2 for nested names."""
    name = normalised(heading)
    if name in _PLAINEST:
        return 0
    return 1 if name in _ROLES else 2


def is_output(heading: str) -> bool:
    """Whether a heading is a log's word for what a model wrote, be it right or wrong."""
    name = normalised(heading)
    return name in _OUTPUTS or _OUTPUT.fullmatch(name) is not None


def is_known(heading: str) -> bool:
    """Whether a heading names a role, or the side whose texts stand under it."""
    from core.examples.reading.labels import side_named

    return role_of(heading) is not None or side_named(heading) is not None
