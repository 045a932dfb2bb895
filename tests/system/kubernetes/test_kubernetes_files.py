"""What Kustomize makes of docker/kubernetes: valid by its schemas, and as a settlement needs it."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from facilitator.server.workers.supervisor import GRACE_SECONDS
from facilitator.settings.load import load_settings, read_settings
from facilitator.testing.running import Running

FOLDER = Path(__file__).parents[3] / "docker/kubernetes"
KUBECTL = shutil.which("kubectl", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
VERSIONS = ("1.30", "1.37")
"""The oldest that knows everything that is used, and the newest whose schemas are known."""

pytestmark = [
    pytest.mark.skipif(not FOLDER.exists(), reason="needs a checkout: no docker/ here"),
    pytest.mark.skipif(
        KUBECTL is None and not os.environ.get("CI"), reason="needs kubectl, for Kustomize"
    ),
]


@pytest.fixture(params=["base", "postgres"], scope="module")
def rendered(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    return render(FOLDER / request.param)


def render(folder: Path) -> dict[str, dict[str, Any]]:
    """The resources by kind."""
    assert KUBECTL, "pip install --group system"
    command = [KUBECTL, "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    resources = list(YAML(typ="safe").load_all(done.stdout))
    by_kind = {each["kind"]: each for each in resources}
    assert len(by_kind) == len(resources)
    return by_kind


def pod(rendered: dict[str, dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = rendered["Deployment"]["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("version", VERSIONS)
def test_each_resource_is_valid(rendered: dict[str, dict[str, Any]], version: str) -> None:
    for resource in rendered.values():
        kubernetes_validate.validate(resource, version, strict=True)


def test_a_mistake_is_found(rendered: dict[str, dict[str, Any]]) -> None:
    service = rendered["Service"]
    wrong = {**service, "spec": {**service["spec"], "selectr": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_it_runs_without_rights(rendered: dict[str, dict[str, Any]]) -> None:
    spec = pod(rendered)
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["runAsGroup"] == 1001
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")}
    assert writable == {"/data", "/tmp"}
    assert set(container["resources"]) == {"requests", "limits"}


def test_everything_selects_the_pods(rendered: dict[str, dict[str, Any]]) -> None:
    labels = rendered["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert rendered["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert rendered["Service"]["spec"]["selector"] == labels
    assert rendered["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert rendered["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    replicas = rendered["Deployment"]["spec"]["replicas"]
    assert 1 <= rendered["PodDisruptionBudget"]["spec"]["minAvailable"] < replicas


def test_it_gets_the_time_that_a_stop_takes(
    rendered: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    spec = pod(rendered)
    before = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    taken = load_settings(environ={}, cwd=tmp_path).server.shutdown_seconds + GRACE_SECONDS
    assert spec["terminationGracePeriodSeconds"] > before + taken


def test_what_the_probes_ask_is_answered(
    rendered: dict[str, dict[str, Any]], run: Callable[..., Running]
) -> None:
    (container,) = pod(rendered)["containers"]
    facilitator = run()
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == container["ports"][0]["name"]
        status, _ = facilitator.call("GET", container[probe]["httpGet"]["path"])
        assert status == 200, probe


def test_settings_and_secrets_are_those_of_its_plugins(
    rendered: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    settings = rendered["ConfigMap"]["data"]["settings.toml"]
    assert tomllib.loads(settings)["production"]["network"] == "cardano:preprod"
    (tmp_path / "settings.toml").write_text(settings)
    environ = {"FACILITATOR_ENV": "production"}
    plugins = read_settings(environ=environ, cwd=tmp_path).plugins()
    (container,) = pod(rendered)["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["FACILITATOR_ENV"] == "production"
    named = {name for name in variables if name.endswith("_FILE")}
    assert {name.removeprefix("FACILITATOR_").split("__")[0].lower() for name in named} == {
        *plugins
    }
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert Path(variables["FACILITATOR_SETTINGS"]) == Path(mounts["settings"]) / "settings.toml"
    assert {str(Path(variables[name]).parent) for name in named} == {mounts["secrets"]}


def test_the_overlay_as_documented_has_its_own_image_and_settings(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    page = (FOLDER.parents[1] / "docs/how-to/kubernetes.md").read_text()
    (overlay,) = re.findall(r"```yaml\n(.*?)^ *```", page, re.S | re.M)
    mine = tmp_path / "kubernetes/mine"
    mine.mkdir()
    (mine / "kustomization.yaml").write_text(textwrap.dedent(overlay))
    (mine / "settings.toml").write_text("[production]\n")
    rendered = render(mine)
    (container,) = pod(rendered)["containers"]
    assert container["image"].startswith("registry.example/x402-cardano-facilitator@sha256:")
    assert rendered["ConfigMap"]["data"] == {"settings.toml": "[production]\n"}
    (volume,) = (each for each in pod(rendered)["volumes"] if each["name"] == "settings")
    assert volume["configMap"]["name"] == rendered["ConfigMap"]["metadata"]["name"]
