"""The verdicts of Plutus scripts, reached in this process with the extra ``plutus``."""

from collections.abc import Sequence
from hashlib import blake2b

from facilitator.cardano.rules.evaluation import ScriptFailure, ScriptRun
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.slots import EraSummary

REMEMBERED = 1024
"""Verdicts that are remembered."""


class ScriptJudge:
    """An :data:`~facilitator.cardano.rules.evaluation.Evaluator` that judges a transaction once.

    Like a node, which does not run scripts again when a waiting transaction gets into a block.
    """

    def __init__(self, eras: EraSummary) -> None:
        """Convert slots to times by ``eras``; remember nothing yet."""
        self._eras = eras
        self._known: dict[tuple[bytes, int], Sequence[ScriptFailure]] = {}

    def __call__(
        self, resolved: ResolvedTransaction, runs: Sequence[ScriptRun]
    ) -> Sequence[ScriptFailure]:
        """Return the scripts that fail.

        Raises :class:`~facilitator.cardano.rules.evaluation.CannotEvaluate`, also without the extra
        and after :data:`~facilitator.cardano.phase2.evaluator.MOST_SECONDS` of CPU.
        """
        # The outputs follow from the bytes, which name them by the hashes of what made them.
        digest = blake2b(resolved.tx.raw, digest_size=32).digest()
        key = (digest, resolved.env.parameters.protocol_major)
        if key not in self._known:
            # Here, for most devnets run no script, and their start is spared the evaluator.
            from facilitator.cardano.phase2.evaluator import InProcessEvaluator

            self._known[key] = InProcessEvaluator(self._eras)(resolved, runs)
            if len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
        return self._known[key]

    def forget(self) -> None:
        """Forget the verdicts, since outputs were replaced under their references."""
        self._known.clear()
