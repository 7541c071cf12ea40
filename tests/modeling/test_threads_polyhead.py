import threading
import time

import pytest

from polyhead.modeling.threads_polyhead import in_parallel, one_ahead


def test_the_next_result_is_made_while_one_is_in_use():
    made = {number: threading.Event() for number in range(3)}
    results = one_ahead(lambda number: made[number].set() or number * 10, range(3))
    assert next(results) == 0
    assert made[1].wait(timeout=20)
    assert list(results) == [10, 20]


def test_items_are_read_by_the_thread_that_asks():
    readers = []

    def _items():
        for number in range(3):
            readers.append(threading.current_thread())
            yield number

    assert list(one_ahead(str, _items())) == ["0", "1", "2"]
    assert set(readers) == {threading.current_thread()}


@pytest.mark.parametrize("items", [[], [1]])
def test_no_item_and_one_item_need_no_thread(items):
    runners = []
    assert list(one_ahead(lambda item: runners.append(threading.current_thread()) or item, items)) == items
    assert set(runners) <= {threading.current_thread()}


def test_an_error_of_the_next_item_comes_when_its_turn_comes():
    results = one_ahead(lambda number: 1 / (1 - number), range(2))
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_results_come_in_the_order_of_the_items_whichever_ends_first(workers):
    assert list(in_parallel(workers, 4, _slow_if_even, range(12))) == list(range(12))


def test_few_results_wait(workers):
    read = []
    results = in_parallel(workers, 4, str, (read.append(number) or number for number in range(100)))
    next(results)
    assert len(read) == 9  # the one that is given, and twice four that wait


def test_what_waits_is_dropped_when_the_loop_is_left(workers):
    started = []
    go_on = threading.Event()

    def _work(number):
        started.append(number)
        return number == 0 or go_on.wait(timeout=20)

    results = in_parallel(workers, 4, _work, range(100))
    assert next(results)
    results.close()
    go_on.set()
    workers.shutdown()
    assert set(started) <= set(range(5))  # the one that was given, and four that ran


def test_an_error_ends_it(workers):
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(workers, 4, lambda number: 1 / (5 - number), range(10)))


def _slow_if_even(number):
    time.sleep(0.01 * (number % 2 == 0))
    return number


@pytest.fixture
def workers():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as threads:
        yield threads
