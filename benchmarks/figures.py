"""What the parts of ``benchmarks/run.py`` yield: figures, each beside a baseline of its run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Aim:
    """A bound for a figure: for its value, or for its ratio to the baseline."""

    bound: float
    of_ratio: bool = True
    at_least: bool = False

    def is_met_by(self, figure: "Figure") -> bool:
        """Return True if the figure keeps within the bound."""
        reached = figure.ratio if self.of_ratio else figure.value
        return reached >= self.bound if self.at_least else reached <= self.bound


@dataclass(frozen=True)
class Figure:
    """One figure, and the baseline that was measured in the same run."""

    what: str
    value: float
    unit: str
    baseline: str
    """The name of what it is compared with."""
    baseline_value: float
    """In the same unit."""
    aim: Aim | None = None

    @property
    def ratio(self) -> float:
        """How many times the baseline it is."""
        return self.value / self.baseline_value


@dataclass(frozen=True)
class LeftOut:
    """Something that could not be measured here, and the reason."""

    what: str
    why: str
