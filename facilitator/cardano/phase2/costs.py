"""The ledger's cost models for the evaluator: numbered coefficients become named ones."""

import copy
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from uplc.ast import AST, BuiltInFun
from uplc.cost_model import (
    DEFAULT_COST_COEFF,
    BuiltinCostModel,
    CekMachineCostModel,
    ConstAboveDiagonal,
    ConstantCost,
    LinearCost,
    LinearInY,
    MultipliedSizes,
    PlutusVersion,
    SubtractedSizes,
    default_builtin_cost_model_base,
    default_cek_machine_cost_model_base,
    latest_network_config_plutus,
    updated_builtin_cost_model_from_network_config,
    updated_cek_machine_cost_model_from_network_config,
)

from facilitator.cardano.plutus.program import VAN_ROSSEM
from facilitator.cardano.transaction import Language

_VERSIONS = {
    Language.PLUTUS_V1: PlutusVersion.PlutusV1,
    Language.PLUTUS_V2: PlutusVersion.PlutusV2,
    Language.PLUTUS_V3: PlutusVersion.PlutusV3,
}
_DIVISIONS = (
    BuiltInFun.DivideInteger,
    BuiltInFun.QuotientInteger,
    BuiltInFun.ModInteger,
    BuiltInFun.RemainderInteger,
)
_ADDED_TO_V2 = ("integerToByteString", "byteStringToInteger")


class _AboveAndBelowDiagonal(ConstAboveDiagonal):
    """The cost of dividing the larger number by the smaller (``above_and_below_diagonal``)."""

    def cost(self, *memories: int, values: Sequence[AST] = ()) -> int:
        larger, smaller = sorted(memories[:2], reverse=True)
        cost: int = self.model_below_equal_diagonal.cost(larger, smaller, values=values)
        return cost


@lru_cache(maxsize=8)
def build_cost_models(
    language: Language, costs: tuple[int, ...], protocol_major: int
) -> tuple[CekMachineCostModel, BuiltinCostModel]:
    """Return the cost models of machine steps and of builtin functions.

    A coefficient that ``costs`` lacks is so high that its operation exceeds any budget.
    """
    config = dict(zip(_list_names(language), costs, strict=False))
    base = copy.deepcopy(default_builtin_cost_model_base())
    if language is not Language.PLUTUS_V3:
        _use_old_divisions(base)
    if protocol_major >= VAN_ROSSEM:
        _use_new_divisions(base, language)
    integers = base.memory[BuiltInFun.IntegerToByteString]
    base.memory[BuiltInFun.IntegerToByteString] = ConstantCost(0)
    builtins = updated_builtin_cost_model_from_network_config(base, config)
    _price_integers(integers, config)
    builtins.memory[BuiltInFun.IntegerToByteString] = integers
    machine = updated_cek_machine_cost_model_from_network_config(
        default_cek_machine_cost_model_base(), config
    )
    return machine, builtins


def _list_names(language: Language) -> list[str]:
    """Return the needed coefficients' names in the ledger's order (``ParamName``)."""
    names = [*latest_network_config_plutus(_VERSIONS[language])]
    if language is Language.PLUTUS_V2:
        # Plomin (protocol version 10) added these to V2; V3 has had them from its beginning.
        later = latest_network_config_plutus(PlutusVersion.PlutusV3)
        names += [name for name in later if name.partition("-")[0] in _ADDED_TO_V2]
    return [_expand_name(name) for name in names]


def _expand_name(name: str) -> str:
    """Return the name that the evaluator looks up, which its list of names shortens."""
    return f"{name}ory" if name.endswith("-exBudgetMem") else name


def _use_old_divisions(base: BuiltinCostModel) -> None:
    """Price divisions by the product of the sizes, as Plutus V1 and V2 do."""
    for builtin in _DIVISIONS:
        base.cpu[builtin] = ConstAboveDiagonal(MultipliedSizes(LinearCost()), ConstantCost())
        base.memory[builtin] = SubtractedSizes(LinearCost())


def _use_new_divisions(base: BuiltinCostModel, language: Language) -> None:
    """Price division by a larger number like the reverse, as from protocol version 11 on."""
    for builtin in (BuiltInFun.DivideInteger, BuiltInFun.ModInteger):
        model = base.cpu[builtin].model_below_equal_diagonal
        base.cpu[builtin] = _AboveAndBelowDiagonal(model, ConstantCost())
    if language is not Language.PLUTUS_V3:
        for builtin in (BuiltInFun.ModInteger, BuiltInFun.RemainderInteger):
            base.memory[builtin] = LinearInY(LinearCost())


def _price_integers(model: Any, config: dict[str, int]) -> None:
    """Price ``integerToByteString``, which the evaluator leaves at its default."""
    prefix = "integerToByteString-memory-arguments"
    model.intercept = config.get(f"{prefix}-intercept", DEFAULT_COST_COEFF)
    model.slope = config.get(f"{prefix}-slope", DEFAULT_COST_COEFF)
