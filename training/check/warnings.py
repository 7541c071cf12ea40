"""What a report on the data should make its reader look at: it can be trained on, but may not be what was meant."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ...configuration.tasks_polyhead import TaskConfig
from .report import DataReport

FEW_ROWS = 5  # a label with fewer rows of train is hardly learned
MUCH_CUT = 0.01  # share of longer texts
_NUM_EXAMPLES, _NUM_LABELS, _LONGEST_TEXT = 3, 10, 60


@dataclass(frozen=True)
class DataWarning:
    """One thing to look at.

    Args:
        message: What was found, where, and what to do.
        examples: A few of the rows concerned.
    """

    message: str
    examples: list[str] = field(default_factory=list)


def find_warnings(report: DataReport) -> list[DataWarning]:
    """Return what is worth a look, what spoils scores first."""
    found = [*_overlaps(report), *_repeats(report), *_conflicts(report), *_cut(report)]
    for task in report.tasks:
        found += [DataWarning(f"task '{task.name}': {message}") for message in _about_task(report, task)]
    return found


def _overlaps(report: DataReport) -> Iterator[DataWarning]:
    for overlap in report.overlaps:
        earlier, later = overlap.splits
        yield DataWarning(
            f"{overlap.num_rows:,} of {report.num_rows(later):,} {later} rows have a text that stands in {earlier} too; "
            f"scores on them are no scores on new texts, so take them out of {earlier if later == 'test' else later}",
            [f"'{_short(repeat.text)}' at {_listed(repeat.rows, 4)}" for repeat in overlap.repeats[:_NUM_EXAMPLES]],
        )


def _repeats(report: DataReport) -> Iterator[DataWarning]:
    if report.repeats:
        extra = sum(len(repeat.rows) - 1 for repeat in report.repeats)
        yield DataWarning(
            f"{extra:,} of {report.num_rows('train'):,} train rows repeat the text of an earlier one; they count double, "
            "so take them out unless that is meant",
            [f"'{_short(repeat.text)}' at {_listed(repeat.rows, 4)}" for repeat in report.repeats[:_NUM_EXAMPLES]],
        )


def _conflicts(report: DataReport) -> Iterator[DataWarning]:
    for task in report.tasks:
        conflicts = [conflict for conflict in report.conflicts if conflict.task == task.name]
        examples = []
        for conflict in conflicts[:_NUM_EXAMPLES]:
            said = [
                f"{where} {_short('+'.join(map(str, labels))) or 'none'}" for where, labels in conflict.labels.items()
            ]
            examples.append(f"'{_short(conflict.text)}': {_listed(said, 4)}")
        if conflicts:
            count = "1 text of train has" if len(conflicts) == 1 else f"{len(conflicts):,} texts of train have"
            yield DataWarning(f"task '{task.name}': {count} rows with different labels; keep the right one", examples)


def _cut(report: DataReport) -> Iterator[DataWarning]:
    for part in report.splits:
        lengths = part.lengths
        if lengths is not None and lengths.share_longer > MUCH_CUT:
            yield DataWarning(
                f"data set '{part.dataset}', {part.split}: {lengths.num_longer:,} of {lengths.num_texts:,} texts "
                f"({lengths.share_longer:.1%}) are longer than {lengths.limit} tokens and are cut; raise model.max_length, "
                "or shorten them"
            )


def _about_task(report: DataReport, task: TaskConfig) -> Iterator[str]:
    counts = report.label_counts(task.name, "train")
    if task.is_token:  # what continues an entity is as frequent as entities are long
        counts = {label: count for label, count in counts.items() if not label.startswith("I-")}
    present = [label for label, count in counts.items() if count]
    if len(present) == 1 and task.kind != "multi_label_classification":
        yield f"all training rows are '{present[0]}', so there is nothing to learn; add rows of other labels"
    ranks_positives = task.loss == "multiple_negatives_ranking"  # all its pairs are labelled alike
    if not counts and not ranks_positives and _is_constant(report, task.name):
        yield "all training rows have the same number, so there is nothing to learn; add rows with others"
    yield from _absent(report, task, [label for label, count in counts.items() if not count])
    few = [f"{label} ({count})" for label, count in counts.items() if 0 < count < FEW_ROWS]
    if few:
        yield f"fewer than {FEW_ROWS} training examples of {_listed(few, _NUM_LABELS)}; add rows or merge labels"
    labelled = {part.split for part in report.splits if task.name in part.labels}
    if report.num_rows("validation") and labelled and "validation" not in labelled:
        yield "no validation row is labelled for it, so it is not measured while training; label some"


def _absent(report: DataReport, task: TaskConfig, labels: list[str]) -> Iterator[str]:
    if labels:
        elsewhere = [
            f"{label} {count} in {split}"
            for split in ("validation", "test")
            for label, count in report.label_counts(task.name, split).items()
            if count and label in labels
        ]
        more = f" ({_listed(elsewhere, _NUM_LABELS)})" if elsewhere else ""
        yield f"no training row has {_listed(labels, _NUM_LABELS)}{more}; add rows or take the label out"


def _is_constant(report: DataReport, task: str) -> bool:
    parts = [part.labels[task].numbers or {} for part in report.splits if part.split == "train" and task in part.labels]
    names = parts[0] if parts else {}
    return bool(names) and all(
        len({edge for part in parts for edge in (part[name].lowest, part[name].highest)}) == 1 for name in names
    )


def _listed(items: list[str], most: int) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."
