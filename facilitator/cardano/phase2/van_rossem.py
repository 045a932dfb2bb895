"""The changes of protocol version 11 (van Rossem) to running programs of any language."""

from collections.abc import Sequence

from uplc.ast import (
    AST,
    BuiltinBool,
    BuiltinByteString,
    BuiltInFun,
    BuiltinInteger,
    BuiltinList,
    BuiltinPair,
    BuiltinString,
    BuiltinUnit,
    Constant,
)

from facilitator.cardano.rules.evaluation import CannotEvaluate

_SMALLEST, _LARGEST = -(2**262143), 2**262143 - 1
"""The bounds of numbers (``minBoundInteger``, ``maxBoundInteger``)."""
_LONGEST = 65536
"""The most bytes of a byte string (``maxBoundByteString``)."""
_LONGEST_WRITTEN = 8192
"""The most bytes of a byte string whose bits a script sets (``maximumInputLength``)."""
_PRICED_BY_BYTES = (BuiltInFun.AppendString, BuiltInFun.EqualsString, BuiltInFun.EncodeUtf8)


def measure(builtin: BuiltInFun, argument: AST) -> int:
    """Return an argument's size for its price.

    Strings count by bytes, no longer by characters (``TextCostedByByteLength``).
    """
    if not isinstance(argument, Constant):
        return 1
    if builtin in _PRICED_BY_BYTES and isinstance(argument, BuiltinString):
        return len(argument.value.encode()) // 4
    size: int = argument.ex_mem()
    return size


def check_bounds(builtin: BuiltInFun, arguments: Sequence[AST]) -> None:
    """Raise :class:`CannotEvaluate` for arguments that most builtin functions now refuse."""
    longest = _LONGEST_WRITTEN if builtin is BuiltInFun.WriteBits else _LONGEST
    for argument in arguments:
        if isinstance(argument, BuiltinInteger) and not _SMALLEST <= argument.value <= _LARGEST:
            raise CannotEvaluate("numbers of more than 262143 bits are not evaluated here")
        if isinstance(argument, BuiltinByteString) and len(argument.value) > longest:
            raise CannotEvaluate(
                f"byte strings of more than {longest} bytes are not evaluated here"
            )


def choose_branch(scrutinee: Constant, branches: Sequence[AST]) -> tuple[AST, Sequence[AST]] | None:
    """Return the branch that a ``case`` on the constant takes, and the arguments of the branch.

    Return ``None`` if there is no such branch (``caseBuiltin``), which is the script's own error.
    """
    count = len(branches)
    if isinstance(scrutinee, BuiltinUnit) and count == 1:
        return branches[0], ()
    if isinstance(scrutinee, BuiltinBool) and scrutinee.value < count <= 2:
        return branches[scrutinee.value], ()
    if isinstance(scrutinee, BuiltinInteger) and 0 <= scrutinee.value < count:
        return branches[scrutinee.value], ()
    if isinstance(scrutinee, BuiltinPair) and count == 1:
        return branches[0], (scrutinee.l_value, scrutinee.r_value)
    if isinstance(scrutinee, BuiltinList) and count in (1, 2):
        if scrutinee.values:
            return branches[0], (scrutinee[0], scrutinee[1:])
        return (branches[1], ()) if count == 2 else None
    return None
