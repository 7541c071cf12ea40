"""The sampler of a run: what its data sets and its settings ask for."""

from typing import Any

from .data.batch_groups import batch_groups
from .data.examples import MultiTaskDataset
from .data.ranking_batches import refuse_single_rows
from .data.sampling import MultiTaskBatchSampler
from .data.stream_sampling import StreamBatchSampler
from .data.streaming_dataset import StreamingDataset, known_rows
from .stream_settings import stream_conflicts

BatchSampler = MultiTaskBatchSampler | StreamBatchSampler


def build_sampler(
    dataset: MultiTaskDataset | StreamingDataset, args: Any, rows_per_batch: int, num_processes: int
) -> BatchSampler:
    """Build the sampler of the training rows.

    Args:
        dataset: The training rows.
        args: `PolyheadTrainingArguments`.
        rows_per_batch: For data sets that `args.batch_sizes` does not name.
        num_processes: The number of batches is a multiple of it.

    Raises:
        ValueError: A setting names an unknown data set, or a ranking loss has batches of one row.
    """
    shared: dict[str, Any] = {
        "rows_per_batch": rows_per_batch,
        "seed": args.data_seed if args.data_seed is not None else args.seed,
        "group_by_length": args.train_sampling_strategy == "group_by_length",
        "mixing": args.mixing,
        "batch_sizes": args.batch_sizes,
    }
    sampler: BatchSampler
    if isinstance(dataset, StreamingDataset):
        num_batches = args.max_steps * args.gradient_accumulation_steps * num_processes
        sampler = StreamBatchSampler(dataset.sources, num_batches, **shared)
    else:
        lengths = [len(example) for example in dataset.examples]
        groups = batch_groups(dataset, args.batch_sizes or ()) if args.heterogeneous_batches else None
        sampler = MultiTaskBatchSampler(dataset.ranges, lengths, num_processes=num_processes, groups=groups, **shared)
    refuse_single_rows(known_rows(dataset), sampler.rows_per_batch)
    return sampler


def refuse_epochs(args: Any, dataset: MultiTaskDataset | StreamingDataset | None) -> None:
    """Refuse settings that need the number of rows where a data set is streamed.

    Raises:
        ValueError: Lists them all, and what to write instead.
    """
    if not isinstance(dataset, StreamingDataset):
        return
    # Nobody can tell its default, which max_steps overrides, from one that was written.
    settings = {name: value for name, value in vars(args).items() if name != "num_train_epochs"}
    conflicts = stream_conflicts(settings, list(dataset.sources), list(dataset.streams))
    if conflicts:
        raise ValueError("\n  ".join(["a data set is streamed, and these settings do not go with it:", *conflicts]))
