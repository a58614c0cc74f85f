"""Counts what was judged: `Tally` takes verdicts and prints the closing summary."""

from collections import Counter


class Tally:
    """Counts per operation."""

    def __init__(self):
        self._requests = Counter()
        self._responses = Counter()
        self._findings = Counter()
        self._accepted = Counter()
        self._left_alone = Counter()
        self._exchanges = 0

    def add(self, verdict, findings, accepted):
        """Takes one verdict, and how many of its findings stand and how many are accepted."""
        self._exchanges += 1
        self._left_alone.update(verdict.left_alone)
        if verdict.request_judged or verdict.response_judged:
            self._requests[verdict.operation] += verdict.request_judged
            self._responses[verdict.operation] += verdict.response_judged
            self._findings[verdict.operation] += findings
            self._accepted[verdict.operation] += accepted

    @property
    def findings(self):
        """Findings that stand."""
        return self._findings.total()

    @property
    def judged(self):
        """Messages that were judged."""
        return self._requests.total() + self._responses.total()

    def lines(self):
        """The summary."""
        yield f"{'requests':>8} {'responses':>9} {'findings':>8} {'accepted':>8}  operation"
        # By path, then method.
        for name in sorted(self._requests, key=lambda name: name.split(" ", 1)[::-1]):
            yield (
                f"{self._requests[name]:8} {self._responses[name]:9} "
                f"{self._findings[name]:8} {self._accepted[name]:8}  {name}"
            )
        for reason, count in sorted(self._left_alone.items()):
            yield f"not judged: {count} ({reason})"
        yield (
            f"{self._exchanges} exchanges, {self._requests.total()} requests and {self._responses.total()} responses "
            f"judged, {self.findings} findings, {self._accepted.total()} accepted"
        )
