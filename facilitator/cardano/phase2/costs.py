"""The ledger's cost models for the evaluator, which names coefficients that the ledger numbers."""

import copy
from functools import lru_cache
from typing import Any

from uplc.ast import BuiltInFun
from uplc.cost_model import (
    DEFAULT_COST_COEFF,
    BuiltinCostModel,
    CekMachineCostModel,
    ConstAboveDiagonal,
    ConstantCost,
    LinearCost,
    MultipliedSizes,
    PlutusVersion,
    SubtractedSizes,
    default_builtin_cost_model_base,
    default_cek_machine_cost_model_base,
    latest_network_config_plutus,
    updated_builtin_cost_model_from_network_config,
    updated_cek_machine_cost_model_from_network_config,
)

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


@lru_cache(maxsize=8)
def cost_models(
    language: Language, costs: tuple[int, ...]
) -> tuple[CekMachineCostModel, BuiltinCostModel]:
    """The cost models of machine steps and of builtin functions.

    A coefficient that ``costs`` lacks is so high that what it prices exceeds any budget.
    """
    names = [_right(name) for name in latest_network_config_plutus(_VERSIONS[language])]
    config = dict(zip(names, costs, strict=False))
    base = copy.deepcopy(default_builtin_cost_model_base())
    if language is not Language.PLUTUS_V3:
        _use_old_divisions(base)
    integers = base.memory[BuiltInFun.IntegerToByteString]
    base.memory[BuiltInFun.IntegerToByteString] = ConstantCost(0)
    builtins = updated_builtin_cost_model_from_network_config(base, config)
    _price_integers(integers, config)
    builtins.memory[BuiltInFun.IntegerToByteString] = integers
    machine = updated_cek_machine_cost_model_from_network_config(
        default_cek_machine_cost_model_base(), config
    )
    return machine, builtins


def _right(name: str) -> str:
    """The name that is looked up, where the list of names has a short one."""
    return f"{name}ory" if name.endswith("-exBudgetMem") else name


def _use_old_divisions(base: BuiltinCostModel) -> None:
    """Plutus V1 and V2 price divisions by the product of the sizes."""
    for builtin in _DIVISIONS:
        base.cpu[builtin] = ConstAboveDiagonal(MultipliedSizes(LinearCost()), ConstantCost())
        base.memory[builtin] = SubtractedSizes(LinearCost())


def _price_integers(model: Any, config: dict[str, int]) -> None:
    """The evaluator leaves this one at its default."""
    prefix = "integerToByteString-memory-arguments"
    model.intercept = config.get(f"{prefix}-intercept", DEFAULT_COST_COEFF)
    model.slope = config.get(f"{prefix}-slope", DEFAULT_COST_COEFF)
