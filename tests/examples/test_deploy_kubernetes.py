"""The Kubernetes examples: what must agree so that web process, journal, store and probes meet."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from frontdesk.journal import LIMIT_BYTES
from frontdesk.settings import load_capture
from frontdesk_sidecar import settings
from frontdesk_sidecar.app import GRACE_S
from frontdesk_sidecar.endpoints import create_app
from frontdesk_sidecar.store.errors import StoreError
from frontdesk_sidecar.store.ownership import secure

yaml: Any = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "examples" / "kubernetes"
VARIANTS = ("base", "deployment", "daemonset")
#: The oldest release with native sidecars by default, and a newest one that there are schemas of.
RELEASES = ("1.29", "1.34", "1.37")
UNITS = {"Mi": 1 << 20, "Gi": 1 << 30}
SIDECAR_UID = 10001
#: What the examples' storefront takes to end, as their comments say.
WEB_S = 30.0
INIT = ["install", "-d", "-m", "2770", "/run/frontdesk/journal"]

Object = dict[str, Any]


def load(path: Path) -> list[Object]:
    """The documents of a YAML file."""
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def objects() -> Iterator[tuple[str, Object]]:
    """Every object of the examples, by the file that it stands in."""
    for path in sorted(PLACE.rglob("*.yaml")):
        for one in load(path):
            yield str(path.relative_to(PLACE)), one


WORKLOADS = {
    name: one
    for name, one in objects()
    if one["kind"] in ("StatefulSet", "Deployment", "DaemonSet")
}
PODS = {name: one["spec"]["template"]["spec"] for name, one in WORKLOADS.items()}


def containers(pod: Object) -> dict[str, Object]:
    """All containers of a pod, by name."""
    return {one["name"]: one for one in (*pod.get("initContainers", ()), *pod["containers"])}


SIDECARS = {name: pod for name, pod in PODS.items() if "frontdesk" in containers(pod)}


def size(text: str) -> int:
    """A quantity in bytes."""
    return int(text[:-2]) * UNITS[text[-2:]]


def mounts(container: Object) -> dict[str, str]:
    """The volumes of a container: name to path."""
    return {one["name"]: one["mountPath"] for one in container["volumeMounts"]}


def test_there_is_something_to_look_at() -> None:
    """Three ways to run a sidecar, and the storefront of the third."""
    assert set(SIDECARS) == {
        "base/statefulset.yaml",
        "deployment/deployment.yaml",
        "daemonset/daemonset.yaml",
    }
    assert set(PODS) - set(SIDECARS) == {"daemonset/deployment.yaml"}


@pytest.mark.parametrize("name", PODS)
def test_containers_may_do_next_to_nothing(name: str) -> None:
    """Not as root, nothing written to the root file system, no capability, bounded memory."""
    pod = PODS[name]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for one in containers(pod).values():
        context = pod["securityContext"] | one["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"]["drop"] == ["ALL"]
        assert "memory" in one["resources"]["limits"]
        assert set(one["resources"]["requests"]) >= {"cpu", "memory"}
        if one["name"] == "places":  # hostPath is root's: it gives the directories away, no more
            assert context["capabilities"]["add"] == ["CHOWN", "FOWNER"]
        else:
            assert context["runAsNonRoot"] is True
            assert context["runAsUser"] > 0
            assert "add" not in context["capabilities"]


@pytest.mark.parametrize("name", SIDECARS)
def test_the_sidecar_runs_as_the_user_that_owns_the_store(name: str) -> None:
    """The image's user, the manifest's and the owner of the store's directory are the same."""
    sidecar = containers(SIDECARS[name])["frontdesk"]
    assert sidecar["securityContext"]["runAsUser"] == SIDECAR_UID
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"USER {SIDECAR_UID}:{SIDECAR_UID}" in dockerfile
    assert f"install -d -o {SIDECAR_UID} -g {SIDECAR_UID} -m 0700 /var/lib/frontdesk" in dockerfile
    assert re.search(rf"fsGroup: {SIDECAR_UID}\b", (PLACE / name).read_text())


@pytest.mark.parametrize("name", [name for name in SIDECARS if "daemonset" not in name])
def test_storefront_and_sidecar_share_the_journal(name: str) -> None:
    """The same volume in memory at the same path, the directory made first, room enough."""
    pod = SIDECARS[name]
    found = containers(pod)
    assert list(found) == ["journal", "frontdesk", "web"]
    assert {mounts(one)["journal"] for one in found.values()} == {"/run/frontdesk"}
    [volume] = [one for one in pod["volumes"] if one["name"] == "journal"]
    assert volume["emptyDir"]["medium"] == "Memory"
    assert size(volume["emptyDir"]["sizeLimit"]) > LIMIT_BYTES
    assert size(found["web"]["resources"]["limits"]["memory"]) > 2 * LIMIT_BYTES
    assert found["journal"]["command"] == INIT
    assert "restartPolicy" not in found["journal"]
    users = {one["securityContext"]["runAsUser"] for one in found.values()}
    assert users == {SIDECAR_UID, 10002}


def test_the_daemonset_and_its_storefront_share_the_journal() -> None:
    """The same directory of the node, and the group that it belongs to."""
    sidecar, web = PODS["daemonset/daemonset.yaml"], PODS["daemonset/deployment.yaml"]
    paths = [
        one["hostPath"]["path"]
        for pod in (sidecar, web)
        for one in pod["volumes"]
        if one["name"] == "journal"
    ]
    assert paths == ["/run/frontdesk"] * 2
    for pod in (sidecar, web):
        assert {mounts(one)["journal"] for one in containers(pod).values()} == {"/run/frontdesk"}
    assert web["securityContext"]["supplementalGroups"] == [SIDECAR_UID]
    strategy = WORKLOADS["daemonset/daemonset.yaml"]["spec"]["updateStrategy"]["rollingUpdate"]
    assert strategy["maxSurge"] == 0  # a journal has one reader


@pytest.mark.parametrize("name", SIDECARS)
def test_probes_ask_what_the_sidecar_answers(name: str) -> None:
    """Paths that exist and need no key, at the port that the settings name."""

    async def never(*_: object) -> None:
        raise AssertionError

    app = create_app(ready=never, metrics=never)
    paths = {getattr(route, "path", "") for route in app.routes}
    sidecar = containers(SIDECARS[name])["frontdesk"]
    probes = [sidecar[key] for key in sidecar if key.endswith("Probe")]
    assert probes
    for probe in probes:
        assert probe["httpGet"]["path"] in paths & {"/livez", "/readyz"}
        assert probe["httpGet"]["port"] == "frontdesk"
    [port] = sidecar["ports"]
    assert port == {"name": "frontdesk", "containerPort": 8077}


@pytest.mark.parametrize("name", [name for name in SIDECARS if "daemonset" not in name])
def test_the_storefront_does_not_wait_for_the_sidecar(name: str) -> None:
    """A native sidecar; nothing holds the start up, or the readiness, but its running."""
    sidecar = containers(SIDECARS[name])["frontdesk"]
    assert sidecar in SIDECARS[name]["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert [key for key in sidecar if key.endswith("Probe")] == ["livenessProbe"]
    assert "lifecycle" not in sidecar


@pytest.mark.parametrize("name", SIDECARS)
def test_there_is_time_to_end(name: str) -> None:
    """More than web process and sidecar take; what ends after its grace ends itself a second later.

    Where the store goes with the pod, what is due is delivered before.
    """
    pod = SIDECARS[name]
    environment = {one["name"]: one["value"] for one in containers(pod)["frontdesk"]["env"]}
    drain_s = float(environment.get("FRONTDESK_FORWARD__DRAIN_S", 0))
    goes_with_the_pod = any(
        one["name"] == "store" and "emptyDir" in one for one in pod.get("volumes", ())
    )
    assert (drain_s > 0) == goes_with_the_pod
    web_s = WEB_S if "web" in containers(pod) else 0.0
    assert pod["terminationGracePeriodSeconds"] > web_s + drain_s + GRACE_S + 1
    if web_s:
        assert f"to drain ({web_s:.0f} s here)" in (PLACE / name).read_text()


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_configuration_loads(variant: str, tmp_path: Path) -> None:
    """The ConfigMap's file with the container's environment and the secret's files; and it fits."""
    source = PLACE / ("daemonset" if variant == "daemonset" else "base") / "frontdesk.toml"
    text = source.read_text()
    for key in yaml.safe_load((PLACE / "base" / "secret.example.yaml").read_text())["stringData"]:
        (tmp_path / key).write_text("s\n")
        assert f"/run/secrets/frontdesk/{key}" in text
        text = text.replace(f"/run/secrets/frontdesk/{key}", str(tmp_path / key))
    config = tmp_path / "frontdesk.toml"
    config.write_text(text)
    # What Kubernetes adds for a service of that name, unless it is told not to.
    services = {
        "FRONTDESK_PORT": "tcp://10.0.0.1:80",
        "FRONTDESK_SERVICE_HOST": "10.0.0.1",
        "FRONTDESK_PORT_80_TCP_ADDR": "10.0.0.1",
    }
    loaded = settings.load(str(config), services)
    [pod] = [pod for name, pod in SIDECARS.items() if name.startswith(variant)]
    mounted = mounts(containers(pod)["frontdesk"])
    # Below the volumes, not in their roots: an emptyDir is everybody's, and may be sticky.
    assert loaded.journal.parent == Path(mounted["journal"])
    assert loaded.store.path.parent.parent == Path(mounted["store"])
    assert (loaded.http.host, loaded.http.port, loaded.http.key) == ("0.0.0.0", 8077, "s")
    # The web process reads the same file: its own section, and none of the sidecar's secrets.
    captured = load_capture(path=str(config), environ={})
    assert Path(captured.journal) == loaded.journal
    environment = {one["name"]: one["value"] for one in containers(pod)["frontdesk"]["env"]}
    assert environment.pop("FRONTDESK_CONFIG") == f"{mounted['config']}/frontdesk.toml"
    assert environment.keys() <= {"FRONTDESK_FORWARD__DRAIN_S"}
    own = settings.load(str(config), {**services, **environment})
    assert own.drain_s == float(environment.get("FRONTDESK_FORWARD__DRAIN_S", 0))
    assert mounted["secret"] == "/run/secrets/frontdesk"


def test_the_store_refuses_the_root_of_an_empty_dir(tmp_path: Path) -> None:
    """It is 0777 whatever its medium: the store wants a directory below it, which it makes."""
    volume = tmp_path / "volume"
    volume.mkdir()
    volume.chmod(0o2777)
    with pytest.raises(StoreError, match="everybody can write"):
        secure(volume / "frontdesk.db")
    secure(volume / "store" / "frontdesk.db")
    assert (volume / "store").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", SIDECARS)
def test_volumes_are_large_enough(name: str) -> None:
    """The store's limit fits, on every volume that has a size."""
    text = (PLACE / name).read_text()
    limits = re.findall(r"store\n\s+(?:emptyDir: {sizeLimit: (\S+)})", text)
    limits += re.findall(r"requests: {storage: (\S+)}", text)
    for limit in limits:
        assert size(limit) >= 1_073_741_824 + 64 * 1024 * 1024


def test_budget_policy_and_services_choose_the_pods() -> None:
    """Selectors fit labels, named ports exist."""
    for variant in VARIANTS:
        here = [
            one
            for name, one in objects()
            if name.startswith(variant) or (variant == "deployment" and name.startswith("base"))
        ]
        pods = [one["spec"]["template"] for one in here if "template" in one.get("spec", {})]
        for one in here:
            selector = one.get("spec", {}).get("selector", one.get("spec", {}).get("podSelector"))
            if one["kind"] == "Service":
                selector = {"matchLabels": selector}
            if selector is None:
                continue
            chosen = [
                pod
                for pod in pods
                if selector["matchLabels"].items() <= pod["metadata"]["labels"].items()
            ]
            assert chosen, one
            ports = {
                port["name"]
                for pod in chosen
                for each in containers(pod["spec"]).values()
                for port in each.get("ports", ())
            }
            for named in re.findall(r"(?:targetPort|'port'): '(\w+)'", str(one)):
                assert named in ports, one


@pytest.mark.parametrize("variant", VARIANTS)
def test_kustomize_builds_what_the_schemas_take(variant: str, tmp_path: Path) -> None:
    """`kubectl kustomize`, then Kubernetes' own schemas, which refuse fields that do not exist."""
    kubectl, validate = shutil.which("kubectl"), shutil.which("kubernetes-validate")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    # As kubectl reads its place: another version on this machine may be asked for by a file of it.
    command = [kubectl, "kustomize", str(PLACE / variant)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    built = [one for one in yaml.safe_load_all(done.stdout) if one]
    kinds = [one["kind"] for one in built]
    assert sum(kind in ("StatefulSet", "Deployment", "DaemonSet") for kind in kinds) == (
        2 if variant == "daemonset" else 1
    )
    [config] = [one for one in built if one["kind"] == "ConfigMap"]
    name = config["metadata"]["name"]
    assert re.fullmatch(r"frontdesk-\w+", name)
    assert f"configMap:\n          name: {name}" in done.stdout
    images = set(re.findall(r"image: (\S+)", done.stdout))
    assert images == {"registry.example.com/frontdesk:0.1.0", "registry.example.com/storefront:1.0"}
    if validate is None:
        pytest.skip("kubernetes-validate is not installed (pip install kubernetes-validate)")
    manifest = tmp_path / "all.yaml"
    manifest.write_text(done.stdout + "---\n" + (PLACE / "base/secret.example.yaml").read_text())
    for release in RELEASES:
        command = [validate, "--strict", "-k", release, str(manifest)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
