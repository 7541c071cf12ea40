"""Work shared by threads, with results in the order of the items. No torch here: other runtimes use it too."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def one_ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Apply a function to items; while one result is in use, a thread makes the next.

    Args:
        function: Runs in the calling thread for the first item, in another thread for those after it.
        items: Read in the calling thread, one further than what was yielded.
    """
    remaining = iter(items)
    for item in remaining:
        result = function(item)
        break
    else:
        return
    with ThreadPoolExecutor(1) as thread:  # which starts with the second item
        for item in remaining:
            coming = thread.submit(function, item)
            yield result
            result = coming.result()
        yield result


def in_parallel(
    workers: Executor, num_workers: int, function: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result]:
    """Apply a function to items in several threads; yields results in the order of the items.

    An error of the function ends it, as does leaving the loop: what runs is waited for, what waits is dropped.

    Args:
        workers: Runs the function.
        num_workers: Twice as many results wait at most, so that memory stays flat.
        function: What each worker does.
        items: Read as results are taken.
    """
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(workers.submit(function, item))
            if len(waiting) > 2 * num_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
