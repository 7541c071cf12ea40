"""Batches of data sets that are read while they train."""

import json
import tracemalloc
from itertools import islice, pairwise

import pytest
from accelerate.data_loader import BatchSamplerShard, SkipBatchSampler

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.data import row_stream
from polyhead.training.data.data_error import DataError
from polyhead.training.data.mixing import Mixing
from polyhead.training.data.row_stream import CHUNK_ROWS, RowStream
from polyhead.training.data.stream_sampling import StreamBatchSampler, num_characters
from polyhead.training.recipe.recipe_sections import DataSource

TOPIC = TaskConfig(name="topic", kind="single_label_classification", labels=["x", "y"])
NOTES = [{"text": f"note {number}", "labels": {}, "where": f"notes:{number}"} for number in range(5)]


def write(path, num_rows, **changes):
    rows = [{"text": "a" * (1 + number * 7 % 30), "label": "xy"[number % 2]} for number in range(num_rows)]
    for number, change in changes.items():
        rows[int(number[1:])].update(change)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


@pytest.fixture
def stream(tmp_path):
    """Write a file of so many rows and return its stream."""

    def _stream(num_rows, name="posts", buffer_rows=8, **changes):
        write(tmp_path / f"{name}.jsonl", num_rows, **changes)
        fields = {"name": name, "train": f"{name}.jsonl", "text": "text", "labels": {"topic": "label"}}
        fields |= {"streaming": True, "first_rows": 4, "buffer_rows": buffer_rows}
        return RowStream(DataSource.model_validate(fields, context={"folder": tmp_path}), [TOPIC])

    return _stream


def places(batches):
    return [[row["where"] for row in batch] for batch in batches]


def passes(batches, length):
    """Rows one after another, cut into as many as the file has."""
    rows = [where for batch in places(batches) for where in batch]
    return [rows[start : start + length] for start in range(0, len(rows) - length + 1, length)]


@pytest.mark.parametrize("group_by_length", [True, False])
def test_in_each_pass_every_row_comes_once_in_a_new_order(stream, group_by_length):
    sampler = StreamBatchSampler({"posts": stream(21)}, 24, 4, seed=1, group_by_length=group_by_length)
    seen = passes(sampler, 21)

    assert len(seen) == 4  # of 6 batches, the last of one row
    assert [sorted(rows) for rows in seen] == [sorted(f"posts.jsonl:{row}" for row in range(1, 22))] * 4
    assert all(first != second for first, second in pairwise(seen))
    assert sorted(map(len, list(sampler)[:6])) == [1, 4, 4, 4, 4, 4]


def test_rows_are_shuffled_within_the_buffer_and_no_further(stream):
    sampler = StreamBatchSampler({"posts": stream(40, buffer_rows=7)}, 10, 4, seed=1)  # 7 is rounded up to two batches
    numbers = [[int(where.split(":")[1]) for where in batch] for batch in places(sampler)]

    for number in range(5):
        buffered = [row for batch in numbers[2 * number : 2 * number + 2] for row in batch]
        assert sorted(buffered) == list(range(8 * number + 1, 8 * number + 9))
    assert [row for batch in numbers for row in batch] != list(range(1, 41))


def test_rows_of_similar_length_save_padding(stream):
    padded = {}
    for group_by_length in (True, False):
        batches = list(StreamBatchSampler({"posts": stream(400, buffer_rows=200)}, 50, 8, 0, group_by_length))
        padded[group_by_length] = sum(len(batch) * max(map(num_characters, batch)) for batch in batches)
        total = sum(num_characters(row) for batch in batches for row in batch)

    assert padded[True] < 1.25 * total < 1.5 * total < padded[False]


def test_length_is_that_of_the_longer_text_or_of_the_words_with_blanks():
    assert num_characters({"text": "abc"}) == 3
    assert num_characters({"text": ("abc", "abcde")}) == 5
    assert num_characters({"words": ["ab", "c"]}) == 4


def test_the_seed_alone_decides_the_order(stream):
    sources = {"posts": stream(21), "notes": NOTES}
    first, again, other = (
        places(StreamBatchSampler(sources, 20, 4, seed, mixing=Mixing(float("inf")))) for seed in (3, 3, 4)
    )

    assert first == again != other


def test_data_sets_take_their_shares_streamed_or_not(stream):
    sources = {"posts": stream(21), "notes": NOTES, "more": stream(9, name="more")}
    weights = Mixing(weights={"posts": 5, "notes": 3, "more": 2})
    batches = places(StreamBatchSampler(sources, 40, 4, 1, mixing=weights))
    named = [{where.split(":")[0].removesuffix(".jsonl") for where in batch} for batch in batches]

    assert all(len(names) == 1 for names in named)
    for number in range(1, 41):
        for name, share in {"posts": 0.5, "notes": 0.3, "more": 0.2}.items():
            assert abs(named[:number].count({name}) - share * number) < 1, (name, number)


def test_rows_in_memory_pass_as_those_of_a_stream_do(stream):
    sources = {"posts": stream(21), "notes": NOTES}
    batches = StreamBatchSampler(sources, 24, 4, 1, mixing=Mixing(float("inf")))
    notes = passes([batch for batch in batches if batch[0]["where"].startswith("notes")], 5)

    # 12 batches of them: six passes of four rows and one.
    assert [sorted(rows) for rows in notes] == [[f"notes:{number}" for number in range(5)]] * 6
    assert len({tuple(rows) for rows in notes}) > 1


def test_a_data_set_of_share_0_is_not_read(stream):
    sources = {"posts": stream(8), "none": stream(8, name="none", r0={"label": "wrong"})}
    batches = places(StreamBatchSampler(sources, 4, 4, 1, mixing=Mixing(weights={"posts": 1, "none": 0})))

    assert {where.split(".")[0] for batch in batches for where in batch} == {"posts"}


def test_batch_sizes_are_by_data_set_and_unknown_names_are_refused(stream):
    sources = {"posts": stream(16), "notes": NOTES}
    sampler = StreamBatchSampler(sources, 4, 4, 1, mixing=Mixing(float("inf")), batch_sizes={"posts": 2})

    assert [len(batch) for batch in sampler if batch[0]["where"].startswith("posts")] == [2, 2]
    with pytest.raises(ValueError, match="batch_sizes name 'post'; closest is 'posts'"):
        StreamBatchSampler(sources, 4, 4, 1, batch_sizes={"post": 2})
    with pytest.raises(ValueError, match="weights name 'post'; closest is 'posts'"):
        StreamBatchSampler(sources, 4, 4, 1, mixing=Mixing(weights={"post": 2, "notes": 1}))


def test_processes_see_distinct_batches_as_many_each_and_together_all(stream):
    whole = StreamBatchSampler({"posts": stream(21)}, 8, 4, 1)
    shards = [places(BatchSamplerShard(whole, 2, rank, even_batches=False)) for rank in range(2)]

    assert [len(shard) for shard in shards] == [4, 4]
    assert [batch for pair in zip(*shards, strict=True) for batch in pair] == places(whole)


def test_what_is_skipped_does_not_change_what_follows(stream):
    whole = StreamBatchSampler({"posts": stream(21)}, 12, 4, 1)

    for skipped in (3, 6, 7):  # inside a pass, at its end, in the next
        assert places(SkipBatchSampler(whole, skipped)) == places(whole)[skipped:]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"text": "a", "label": "wrong"}', "column 'label': 'wrong' is not a label of task 'topic'"),
        ('{"text": ', "not JSON at column 10"),
    ],
)
def test_only_rows_that_are_needed_are_read(stream, tmp_path, line, complaint):
    posts = stream(2 * CHUNK_ROWS, buffer_rows=20)
    with (tmp_path / "posts.jsonl").open("a") as file:
        file.write(f"{line}\n")
    batches = iter(StreamBatchSampler({"posts": posts}, CHUNK_ROWS, 10, 1))

    assert len(list(islice(batches, CHUNK_ROWS // 5))) == CHUNK_ROWS // 5
    with pytest.raises(DataError, match=f"posts.jsonl:{2 * CHUNK_ROWS + 1}.*{complaint}"):
        next(batches)


def test_a_wrong_label_late_in_a_stream_comes_with_what_to_do(stream):
    posts = stream(9, r8={"label": "wrong"})

    with pytest.raises(DataError) as caught:
        list(posts)
    assert caught.value.total == 1
    assert "data.posts is a stream: labels are those of its first 4 rows, or those that" in caught.value.problems[1]
    assert "--set data.posts.streaming=false" in caught.value.problems[1]


def test_memory_stays_the_same_whatever_the_file_holds(stream, monkeypatch):
    monkeypatch.setattr(row_stream, "CHUNK_ROWS", 100)
    peaks = []
    for num_rows in (500, 2000):
        batches = StreamBatchSampler({"posts": stream(num_rows, buffer_rows=200)}, num_rows // 10, 10, 1)
        tracemalloc.start()
        assert sum(map(len, batches)) == num_rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.1 * peaks[0]


def test_a_chunk_may_lack_a_column_that_others_have(stream, tmp_path):
    posts = stream(3)
    with (tmp_path / "posts.jsonl").open("a") as file:
        file.write('{"text": "b"}\n' * (2 * CHUNK_ROWS))

    assert [row["labels"] for row in posts][2:] == [{"topic": 0}] + [{}] * (2 * CHUNK_ROWS)


def test_a_file_that_was_emptied_ends_the_run_instead_of_being_read_for_ever(stream, tmp_path):
    batches = iter(StreamBatchSampler({"posts": stream(8)}, 9, 4, 1))
    next(batches), next(batches)
    (tmp_path / "posts.jsonl").write_text("")

    with pytest.raises(DataError, match=r"data\.posts: no rows are left in it; restore the file"):
        next(batches)
