"""The allowed deployments, from the settings and from other plugins."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from facilitator.plugin import ConfigInvalidError, Context, PluginError, Problem, Refused
from facilitator.x402.networks import NETWORKS, CardanoNetwork
from facilitator_masumi.blueprint import Blueprint
from facilitator_masumi.deployment import Deployment, Deployments, escrow_address
from facilitator_masumi.schema import KEY_HASH, read_deployment
from facilitator_masumi.settings import MasumiSettings, network_of, parse_deployment

_log = logging.getLogger("facilitator_masumi")


def allowed_deployments(context: Context) -> Deployments:
    """Return the deployments allowed on the networks served.

    Raises :class:`~facilitator.errors.FacilitatorError` for one that cannot be used.
    """
    settings = context.settings.section(MasumiSettings)
    blueprint = _blueprint(settings)
    allowed = {}
    for name in context.settings.networks:
        network = NETWORKS[name]
        if isinstance(network, CardanoNetwork):
            found = [*_from_settings(settings, name), *_from_plugins(context, name)]
            allowed[name] = [_with_script(each, blueprint, plugin) for plugin, each in found]
            _log_votes(network, allowed[name])
    return Deployments(allowed)


def _blueprint(settings: MasumiSettings) -> Blueprint | None:
    if settings.blueprint is None:
        return None
    try:
        return Blueprint(settings.blueprint)
    except ValueError as error:
        raise ConfigInvalidError([Problem("masumi.blueprint", str(error))]) from None


def _from_settings(settings: MasumiSettings, network: str) -> Iterator[tuple[None, Deployment]]:
    for name, texts in settings.deployments.items():
        if network_of(name) == network:
            yield from ((None, parse_deployment(text)) for text in texts)


def _from_plugins(context: Context, network: str) -> Iterator[tuple[str, Deployment]]:
    answers = context.hooks.provided("masumi_deployments", context=context, network=network)
    for plugin, deployments in answers:
        for each in deployments:
            if not isinstance(each, Deployment):
                kind = type(each).__name__
                raise PluginError(
                    f"plugin '{plugin}' returns from masumi_deployments a {kind}, no Deployment"
                )
            yield plugin, each


def _with_script(
    deployment: Deployment, blueprint: Blueprint | None, plugin: str | None
) -> Deployment:
    """Return the deployment with the hash of its script, which the blueprint must confirm."""
    if plugin is not None:
        _check_form(deployment, plugin)
    if blueprint is None:
        if deployment.script_hash is not None:
            return deployment
        sentence = "is required: the addresses of deployments are derived from it"
        raise ConfigInvalidError([Problem("masumi.blueprint", sentence)])
    derived = blueprint.script_hash(deployment)
    if deployment.script_hash not in (None, derived):
        raise PluginError(
            f"plugin '{plugin}' brings a deployment with the script {deployment.script_hash}, but "
            f"by masumi.blueprint it is {derived}"
        )
    return replace(deployment, script_hash=derived)


def _check_form(deployment: Deployment, plugin: str) -> None:
    try:
        read_deployment(
            {
                "requiredAdmins": str(deployment.required_admins),
                "adminVkeys": list(deployment.admin_vkeys),
                "cooldownPeriod": str(deployment.cooldown_ms),
            }
        )
        if deployment.script_hash is not None and not KEY_HASH.fullmatch(deployment.script_hash):
            raise TypeError("script_hash must be a 28-byte hash in lowercase hex")
    except (Refused, TypeError) as error:
        sentence = str(error).removeprefix("extra.")
        raise PluginError(f"plugin '{plugin}' brings a Masumi deployment: {sentence}") from None


def _log_votes(network: CardanoNetwork, deployments: Sequence[Deployment]) -> None:
    for each in deployments:
        _log.info(
            "escrow %s on %s is allowed; its disputes are settled by %s",
            escrow_address(network, each.script_hash or ""),
            network.id,
            each.describe_votes(),
        )
