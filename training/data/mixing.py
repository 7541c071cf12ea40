"""How often each data set is drawn: in proportion to its rows, flattened by a temperature, capped, or as told."""

from dataclasses import dataclass

from ..closest_name import suggest_name


@dataclass(frozen=True)
class Mixing:
    """The share of each data set in an epoch's batches.

    Args:
        temperature: Shares are proportional to rows ** (1 / temperature): 1 keeps proportion, infinity draws every data set
            equally often, values between lift small data sets.
        final_temperature: The temperature of the last epoch, reached in equal steps; None: it stays.
        cap: Rows beyond which a data set counts no larger.
        weights: Shares as told, by data set, instead of all of the above.
        num_epochs: Over which the temperature moves.

    Raises:
        ValueError: A number is out of range, or `weights` come with one of the others.

    Source:
        T5, https://arxiv.org/abs/1910.10683, section 3.5.2.
    """

    temperature: float = 1.0
    final_temperature: float | None = None
    cap: int | None = None
    weights: dict[str, float] | None = None
    num_epochs: int = 1

    def __post_init__(self) -> None:
        for name in ("temperature", "final_temperature"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"sampling: {name} {value} must be above 0; 1 keeps proportion, 2 to 5 are usual.")
        if self.cap is not None and self.cap < 1:
            raise ValueError(f"sampling: cap {self.cap} must be at least 1 row.")
        if self.weights is not None:
            if self.temperature != 1 or self.final_temperature is not None or self.cap is not None:
                raise ValueError("sampling: weights say all; leave temperature and cap out.")
            if min(self.weights.values(), default=0) < 0 or not any(self.weights.values()):
                raise ValueError(f"sampling: weights {self.weights} must be 0 or more, and one above 0.")

    @property
    def is_proportional(self) -> bool:
        """Whether every row is drawn exactly once per epoch."""
        return self == Mixing(num_epochs=self.num_epochs)

    def shares(self, num_rows: dict[str, int], epoch: int) -> dict[str, float]:
        """Return the share of each data set that has rows; they sum to 1.

        Args:
            num_rows: By data set.
            epoch: Counted from 0.

        Raises:
            ValueError: `weights` name another set of data sets.
        """
        known = {name: count for name, count in num_rows.items() if count}
        sizes = {name: float(min(count, self.cap or count)) ** (1 / self._at(epoch)) for name, count in known.items()}
        if self.weights is not None:
            for name in self.weights:
                if name not in num_rows:
                    raise ValueError(f"sampling: weights name '{name}'; {suggest_name(name, num_rows)}.")
            missing = [name for name in known if name not in self.weights]
            if missing:
                raise ValueError(f"sampling: weights leave out {missing}; give each data set one, 0 to leave it out.")
            sizes = {name: self.weights[name] for name in known}
        total = sum(sizes.values())
        return {name: size / total for name, size in sizes.items()}

    def counts(self, num_rows: dict[str, int], num_batches: int, epoch: int) -> dict[str, int]:
        """Deal out an epoch's batches: whole numbers that sum to `num_batches`, each within one of its share."""
        exact = {name: share * num_batches for name, share in self.shares(num_rows, epoch).items()}
        counts = {name: int(value) for name, value in exact.items()}
        by_remainder = sorted(
            exact, key=lambda name: counts[name] - exact[name]
        )  # stable: ties keep the recipe's order
        for name in by_remainder[: num_batches - sum(counts.values())]:
            counts[name] += 1
        return counts

    def _at(self, epoch: int) -> float:
        if self.final_temperature is None or self.num_epochs < 2:
            return self.temperature
        progress = min(epoch / (self.num_epochs - 1), 1.0)
        return self.temperature + (self.final_temperature - self.temperature) * progress
