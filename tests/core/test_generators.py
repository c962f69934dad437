"""Progress and results of generators."""

from core.generators import relayed, result_of


def counting(closed):
    try:
        yield from (1, 2, 3)
        return "end"
    finally:
        closed.append(True)


def relay(closed, seen):
    seen.append((yield from relayed(counting(closed), lambda count: count * 10)))


def test_the_result_comes_after_the_last_record():
    assert result_of(counting([])) == "end"


def test_records_are_passed_on_and_the_result_is_returned():
    seen = []
    assert list(relay([], seen)) == [10, 20, 30]
    assert seen == ["end"]


def test_closing_closes_the_inner_generator():
    closed = []
    running = relay(closed, [])
    next(running)
    running.close()
    assert closed == [True]
