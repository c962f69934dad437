"""The drawing of a model's shape."""

from base64 import b64decode

from pages.parts.charts.drawings import model_shape


def test_a_dot_is_drawn_for_every_head_that_there_is() -> None:
    """Two heads in layer 0, none in layer 1, three in layer 2, which stands on top."""
    source = model_shape([2, 0, 3], "words").split("base64,")[1].split('"')[0]
    svg = b64decode(source).decode()
    heights = [part.split('"')[1] for part in svg.split("cy=")[1:]]
    assert svg.count("<circle") == 5
    assert sorted(heights, key=float) == ["8", "8", "8", "40", "40"]
