"""What the tests of the Helm chart share."""

import json
import subprocess

import yaml
from conftest import ROOT

CHART = ROOT / "charts/swiftlet"
NAMESPACE = "otel"


def helm(*arguments, values=None, check=True, env=None, timeout=180):
    """Runs helm with values as a document on standard input."""
    more = ["-f", "-"] if values is not None else []
    done = subprocess.run(
        ["helm", *arguments, *more],
        input=json.dumps(values or {}),
        capture_output=True,
        text=True,
        env=env,
        timeout=timeout,
        check=False,
    )
    if check:
        assert done.returncode == 0, f"helm {' '.join(map(str, arguments))}: {done.stderr or done.stdout}"
    return done


def template(values=None, version="1.30.0", release="swiftlet", namespace=NAMESPACE):
    """What the chart makes, by kind and name; hooks are left out."""
    done = helm("template", release, CHART, "-n", namespace, "--kube-version", version, "--no-hooks", values=values)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    objects = [object for object in yaml.load_all(done.stdout, Loader=loader) if object]
    named = {(object["kind"], object["metadata"]["name"]): object for object in objects}
    # Of one kind and name there can be one in each of several namespaces.
    return named, objects


def refusal(values):
    """What helm says when it refuses values; both of its streams."""
    done = helm("template", "swiftlet", CHART, "-n", NAMESPACE, values=values, check=False)
    assert done.returncode != 0, "these values are accepted"
    return done.stdout + done.stderr
