"""What ``/metrics`` shows, read by Prometheus' own parser."""

import http.client
from collections.abc import Iterator
from contextlib import closing

from prometheus_client.parser import text_string_to_metric_families


def exposition(port: int) -> str:
    """The text of ``/metrics``."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        text = response.read().decode()
        assert response.status == 200, text
        assert (response.getheader("Content-Type") or "").startswith("text/plain; version=0.0.4")
        return text


class Metrics:
    """Every sample by its name and labels."""

    def __init__(self, text: str) -> None:
        self._samples = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    def __getitem__(self, name: str) -> float:
        """The one sample of a metric without labels."""
        return self.value(name)

    def value(self, name: str, /, **labels: str) -> float:
        """The sum of the samples that have these labels; 0 when there is none."""
        return sum(value for value, _ in self._matching(name, labels))

    def by(self, label: str, name: str, /, **labels: str) -> dict[str, float]:
        """These samples, summed by another label, where there is anything."""
        found: dict[str, float] = {}
        for value, has in self._matching(name, labels):
            found[has[label]] = found.get(has[label], 0.0) + value
        return {key: value for key, value in found.items() if value}

    def names(self) -> set[str]:
        """Of all samples."""
        return {sample.name for sample in self._samples}

    def label_values(self) -> Iterator[tuple[str, str]]:
        """Every label of every sample, with its value."""
        for sample in self._samples:
            yield from sample.labels.items()

    def _matching(
        self, name: str, labels: dict[str, str]
    ) -> Iterator[tuple[float, dict[str, str]]]:
        for sample in self._samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                yield sample.value, sample.labels


def scrape(port: int) -> Metrics:
    """All of ``/metrics``."""
    return Metrics(exposition(port))
