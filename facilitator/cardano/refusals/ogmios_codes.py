"""The codes with which Ogmios refuses a submission, versions 6 and 7: what each proves.

Ogmios reports one failure of several, and not always the one that the others follow from.
"""

from collections.abc import Mapping

from facilitator.cardano.refusals.proof import Proof

UNKNOWN_INPUTS_CODE = 3117
INTERVAL_CODE = 3118
NOT_CONSERVED_CODE = 3123
MEMPOOL_CODE = 3997
"""The node's mempool refuses it; ``data.error`` is the reason."""

LEDGER_CODES = range(3000, 4000)
"""The codes of transactions. Others are of JSON-RPC and of Ogmios itself."""

_BYTES = (
    *range(3100, 3103),
    *range(3104, 3113),
    3114,
    3116,
    3120,
    3121,
    NOT_CONSERVED_CODE,
    3124,
    3126,
    3127,
    3129,
    3132,
    3133,
    3135,
    3156,
    3168,
    3169,
)
_PARAMETERS = (
    3004,
    3113,
    3115,
    3119,
    3122,
    3125,
    3128,
    3131,
    3134,
    3136,
    3143,
    3144,
    3151,
    3155,
    3161,
    3164,
    3166,
)
_TIME = (3103, INTERVAL_CODE, 3130)
_STATE = (
    3137,
    3138,
    3140,
    3141,
    3142,
    3145,
    3146,
    3147,
    3150,
    3152,
    3153,
    3154,
    3157,
    3158,
    3159,
    3160,
    3162,
    3163,
    3165,
    3167,
    3170,
)

CODES: Mapping[int, Proof] = {
    UNKNOWN_INPUTS_CODE: Proof.INPUTS,
    **dict.fromkeys(_BYTES, Proof.BYTES),
    **dict.fromkeys(_PARAMETERS, Proof.PARAMETERS),
    **dict.fromkeys(_TIME, Proof.EARLY),
    **dict.fromkeys(_STATE, Proof.STATE),
}
"""The proof of each code. One that is missing says nothing, such as 3005 (another era)."""
