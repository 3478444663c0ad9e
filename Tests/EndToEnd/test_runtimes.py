"""What is injected is loaded by real runtimes: a JVM, Node.js, Apache HTTPD and nginx, all of Debian.

Their agents are stand-ins of our own (hack/workloads.d/runtimes.sh) that say what they were given. .NET and Go have no
runtime here: for them a pod that runs and what it finds is all that is asserted. All pods are made at once.
"""

import json
import re

import pytest

from conftest import IMAGES, kubectl, wait

# The variable is the kubelet's to expand, so an address in what a module got proves that it came all the way.
INSTRUMENTATIONS = f"""
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {{name: plain}}
spec:
  exporter: {{endpoint: "http://$(OTEL_NODE_IP):4317"}}
  resource: {{resourceAttributes: {{environment: e2e}}}}
---
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {{name: extended}}
spec:
  java: {{extensions: [{{image: {IMAGES['java-extension']}, dir: /extensions}}]}}
---
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {{name: moved}}
spec:
  exporter: {{endpoint: "http://collector:4317"}}
  apacheHttpd:
    configPath: /opt/site/conf
    attrs:
      - {{name: ApacheModuleOtelMaxQueueSize, value: "4096"}}
      - {{name: ApacheModuleTraceAsError, value: "OFF"}}
"""

# As users bring a configuration of their own: whole folders, and single files in a folder of the image's.
CONFIGURATIONS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: site}
data:
  httpd.conf: |
    ServerRoot /usr/local/apache2
    ServerName localhost
    Listen 8080
    LoadModule mpm_event_module modules/mod_mpm_event.so
    LoadModule authz_core_module modules/mod_authz_core.so
    LoadModule dir_module modules/mod_dir.so
    PidFile /tmp/httpd.pid
    DefaultRuntimeDir /tmp
    Mutex fcntl:/tmp
    DocumentRoot /usr/local/apache2/htdocs
    ErrorLog /dev/stderr
    Include /opt/site/conf/extra.conf
  extra.conf: |
    ErrorDocument 404 "Nothing of that name"
---
apiVersion: v1
kind: ConfigMap
metadata: {name: nginx}
data:
  nginx.conf: |
    pid /tmp/nginx.pid;
    worker_processes 1;
    events {}
    http {
        include /etc/nginx/conf.d/*.conf;
        server { listen 8080; location / { return 200 "of the configuration map"; } }
    }
  empty.conf: ""
"""


def container(name, image, **more):
    return {"name": name, "image": IMAGES[image], "imagePullPolicy": "IfNotPresent", **more}


def environment(**values):
    return [{"name": name, "value": value} for name, value in values.items()]


def pod(name, annotations, *containers, **spec):
    """A pod that asks for what `annotations` says, without their common prefix."""
    prefix = "instrumentation.opentelemetry.io/"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}, "annotations": {prefix + k: v for k, v in annotations.items()}},
        "spec": {"containers": list(containers), "terminationGracePeriodSeconds": 1, **spec},
    }


# Answers only when the server started with what was injected.
SERVING = {"readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}}
ASLEEP = {"command": ["sleep", "2147483"]}
# Where .NET would look.
FILES = "$CORECLR_PROFILER_PATH $DOTNET_STARTUP_HOOKS"
FOLDERS = "$DOTNET_ADDITIONAL_DEPS $DOTNET_SHARED_STORE $OTEL_DOTNET_AUTO_HOME"

PODS = [
    pod(
        "jvm",
        {"inject-java": "plain"},
        container("app", "java-app", env=environment(JAVA_TOOL_OPTIONS="-Dgreeting=kept")),
    ),
    pod(
        "jvms",
        {"inject-java": "extended", "container-names": "one,two"},
        container("one", "java-app", env=environment(JAVA_TOOL_OPTIONS="-Dgreeting=first")),
        container("two", "java-app"),
        container("three", "java-app"),
    ),
    pod(
        "node",
        {"inject-nodejs": "plain"},
        container("app", "nodejs-app", env=environment(NODE_OPTIONS="--stack-trace-limit=7"), **SERVING),
    ),
    pod(
        "early",
        {"inject-nodejs": "plain", "container-names": "prepare"},
        container("app", "busybox", **ASLEEP),
        initContainers=[container("prepare", "nodejs-app", command=["node", "-e", "console.log('prepared')"])],
    ),
    pod(
        "mixed",
        {
            "inject-java": "plain",
            "java-container-names": "jvm",
            "inject-nodejs": "plain",
            "nodejs-container-names": "node",
            "inject-apache-httpd": "plain",
            "apache-httpd-container-names": "web",
        },
        container("jvm", "java-app"),
        container("node", "nodejs-app", env=environment(PORT="8081")),
        container("web", "httpd-app", **SERVING),
    ),
    pod("httpd", {"inject-apache-httpd": "plain"}, container("app", "httpd-app", **SERVING)),
    pod(
        "httpd-moved",
        {"inject-apache-httpd": "moved"},
        container(
            "app",
            "httpd-app",
            args=["-d", "/usr/local/apache2", "-f", "/opt/site/conf/httpd.conf", "-DFOREGROUND"],
            command=["/usr/local/apache2/bin/httpd"],
            volumeMounts=[{"name": "site", "mountPath": "/opt/site/conf"}],
            **SERVING,
        ),
        volumes=[{"name": "site", "configMap": {"name": "site"}}],
        securityContext={"runAsUser": 10001, "runAsGroup": 10001},
    ),
    pod(
        "nginx",
        {"inject-nginx": "plain"},
        container(
            "app",
            "nginx-app",
            volumeMounts=[{"name": "nginx", "mountPath": "/etc/nginx/nginx.conf", "subPath": "nginx.conf"}],
            **SERVING,
        ),
        volumes=[{"name": "nginx", "configMap": {"name": "nginx"}}],
    ),
    pod(
        "nginx-folder",
        {"inject-nginx": "plain"},
        container("app", "nginx-app", volumeMounts=[{"name": "nginx", "mountPath": "/etc/nginx"}], **SERVING),
        volumes=[
            {
                "name": "nginx",
                "configMap": {
                    "name": "nginx",
                    "items": [
                        {"key": "nginx.conf", "path": "nginx.conf"},
                        {"key": "empty.conf", "path": "conf.d/empty.conf"},
                    ],
                },
            }
        ],
    ),
    pod(
        "nginx-unprivileged",
        {"inject-nginx": "plain"},
        container(
            "app",
            "nginx-app",
            env=environment(LD_LIBRARY_PATH="/opt"),
            securityContext={"runAsUser": 1000, "runAsGroup": 3000, "runAsNonRoot": True},
            **SERVING,
        ),
    ),
    pod(
        "dotnet",
        {"inject-dotnet": "plain"},
        container(
            "app",
            "busybox",
            command=["sh", "-c", f"cat {FILES} && ls -d {FOLDERS} && exec sleep 2147483"],
        ),
    ),
    pod(
        "golang",
        {"inject-go": "plain", "otel-go-auto-target-exe": "/otelcol"},
        container("app", "collector"),
    ),
]


@pytest.fixture(scope="module")
def runtimes(shared_namespace):
    shared_namespace.apply(INSTRUMENTATIONS)
    shared_namespace.apply(CONFIGURATIONS)
    shared_namespace.apply("\n---\n".join(json.dumps(one) for one in PODS))
    return shared_namespace


def said(runtimes, name, container, *lines):
    """Waits until a container has said each of these in a line; its log."""

    def test():
        log = runtimes.logs(f"pod/{name}", container)
        missing = [line for line in lines if line not in log]
        assert not missing, f"not said: {missing}, but: {log[-2000:]}"
        return log

    return wait(f"{container} of {name} says what it got", test)


def asked(name, namespace, path="/", container="app"):
    """Headers (names in lower case) and body of the server's own answer, asked from within its container."""
    wget = ["wget", "-S", "-O", "-", f"http://127.0.0.1:8080{path}"]
    done = kubectl("exec", name, "-c", container, "--", *wget, namespace=namespace)
    headers = dict(re.findall(r"^\s+([\w-]+): (.*?)\r?$", done.stderr, re.MULTILINE))
    return {key.lower(): value for key, value in headers.items()}, done.stdout


def directives(header):
    """What a web server's module got, as it says in its header."""
    first, *rest = header.split("; ")
    assert first == "stand-in", "the module has called its library"
    return dict(entry.split("=", 1) for entry in rest)


def test_java_agent_is_loaded_and_options_are_kept(runtimes):
    log = said(runtimes, "jvm", "app", "application: greeting=kept", "stand-in agent: OTEL_SERVICE_NAME=jvm")
    assert "Picked up JAVA_TOOL_OPTIONS: -Dgreeting=kept -javaagent:/otel-auto-instrumentation-java-app/javaagent.jar" in log
    assert "stand-in agent: arguments=null extensions=null" in log
    attributes = re.search(r"stand-in agent: OTEL_RESOURCE_ATTRIBUTES=(.*)", log).group(1).split(",")
    assert "environment=e2e" in attributes and "k8s.pod.name=jvm" in attributes
    assert f"service.instance.id={runtimes.name}.jvm.app" in attributes
    assert f"k8s.node.name={runtimes.get('pod', 'jvm')['spec']['nodeName']}" in attributes


def test_java_agent_and_its_extension_are_loaded_in_both_containers(runtimes):
    for name, greeting in (("one", "first"), ("two", "null")):
        folder = f"/otel-auto-instrumentation-java-{name}/extensions"
        said(
            runtimes,
            "jvms",
            name,
            f"stand-in agent: arguments=null extensions={folder}",
            f"stand-in extension: loaded from {folder}/standin-extension.jar",
            f"k8s.container.name={name},",
            f"application: greeting={greeting}",
        )
    assert "stand-in" not in said(runtimes, "jvms", "three", "application: greeting=null")


def test_nodejs_agent_is_loaded_and_options_are_kept(runtimes):
    path = "/otel-auto-instrumentation-nodejs/autoinstrumentation.js"
    log = said(runtimes, "node", "app", f"application: frames=7 options=--stack-trace-limit=7 --require {path}")
    assert f"stand-in agent: loaded from {path}" in log
    assert "stand-in agent: OTEL_SERVICE_NAME=node" in log and "stand-in agent: OTEL_METRICS_EXPORTER=otlp" in log
    attributes = re.search(r"stand-in agent: OTEL_RESOURCE_ATTRIBUTES=(.*)", log).group(1).split(",")
    assert "environment=e2e" in attributes and "k8s.pod.name=node" in attributes


def test_nodejs_agent_is_loaded_in_an_init_container(runtimes):
    runtimes.pod("app=early")
    log = said(runtimes, "early", "prepare", "prepared")
    assert "stand-in agent: loaded from" in log and "k8s.container.name=prepare," in log


def test_three_languages_in_one_pod(runtimes):
    runtimes.pod("app=mixed")
    said(runtimes, "mixed", "jvm", "stand-in agent: OTEL_SERVICE_NAME=mixed", "application: greeting=null")
    said(runtimes, "mixed", "node", "stand-in agent: OTEL_SERVICE_NAME=mixed", "application: frames=10")
    headers, _ = asked("mixed", runtimes.name, container="web")
    assert directives(headers["x-otel"])["ApacheModuleServiceName"] == "mixed"


def test_httpd_loads_the_module_with_its_directives(runtimes):
    found = runtimes.pod("app=httpd")
    headers, body = asked("httpd", runtimes.name)
    assert body == "It works\n", "the site is the one that it was"
    assert directives(headers["x-otel"]) == {
        "ApacheModuleEnabled": "ON",
        "ApacheModuleOtelSpanExporter": "otlp",
        "ApacheModuleOtelExporterEndpoint": f"http://{found['status']['hostIP']}:4317",
        "ApacheModuleServiceName": "httpd",
        "ApacheModuleServiceNamespace": runtimes.name,
        "ApacheModuleServiceInstanceId": "httpd",
        "ApacheModuleResolveBackends": "ON",
        "ApacheModuleTraceAsError": "ON",
    }
    assert "module: stand-in; " in runtimes.logs("pod/httpd", "app")
    file = "/opt/opentelemetry-webserver/agent/conf/opentelemetry_sdk_log4cxx.xml"
    logging = kubectl("exec", "httpd", "-c", "app", "--", "cat", file, namespace=runtimes.name).stdout
    assert '"/opt/opentelemetry-webserver/agent/logs/standin.log"' in logging and "__agent_log_dir__" not in logging


def test_httpd_with_a_mounted_configuration_elsewhere(runtimes):
    runtimes.pod("app=httpd-moved")
    headers, _ = asked("httpd-moved", runtimes.name)
    got = directives(headers["x-otel"])
    assert got["ApacheModuleOtelExporterEndpoint"] == "http://collector:4317"
    assert (got["ApacheModuleOtelMaxQueueSize"], got["ApacheModuleTraceAsError"]) == ("4096", "OFF")
    # What the user's configuration includes beside itself was cloned with it.
    mounted = kubectl("exec", "httpd-moved", "-c", "app", "--", "ls", "/opt/site/conf", namespace=runtimes.name).stdout
    assert {"httpd.conf", "extra.conf", "opentemetry_agent.conf"} <= set(mounted.split())


@pytest.mark.parametrize(
    "name, answer, library_path",
    [
        ("nginx", "of the configuration map", "/opt/opentelemetry-webserver/agent/sdk_lib/lib"),
        ("nginx-folder", "of the configuration map", "/opt/opentelemetry-webserver/agent/sdk_lib/lib"),
        ("nginx-unprivileged", "It works\n", "/opt:/opt/opentelemetry-webserver/agent/sdk_lib/lib"),
    ],
)
def test_nginx_loads_the_module_with_its_directives(runtimes, name, answer, library_path):
    found = runtimes.pod(f"app={name}")
    endpoint = f"http://{found['status']['hostIP']}:4317"
    headers, body = asked(name, runtimes.name)
    assert body == answer, "the site is the one that it was"
    assert directives(headers["x-otel"]) == {
        "NginxModuleEnabled": "ON",
        "NginxModuleOtelSpanExporter": "otlp",
        "NginxModuleOtelExporterEndpoint": endpoint,
        "NginxModuleServiceName": name,
        "NginxModuleServiceNamespace": runtimes.name,
        "NginxModuleServiceInstanceId": name,
        "NginxModuleResolveBackends": "ON",
        "NginxModuleTraceAsError": "ON",
    }
    # Workers have the variable only because the configuration says so.
    assert f"k8s.pod.name={name}" in headers["x-attributes"].split(",")
    # The module is linked with a library of the agent's, which nginx found by this path.
    assert {v["name"]: v.get("value") for v in found["spec"]["containers"][0]["env"]}["LD_LIBRARY_PATH"] == library_path
    file = "/etc/nginx/conf.d/opentelemetry_agent.conf"
    written = kubectl("exec", name, "-c", "app", "--", "cat", file, namespace=runtimes.name).stdout
    assert f"NginxModuleOtelExporterEndpoint {endpoint};" in written
    if name == "nginx-unprivileged":
        users = [c["securityContext"]["runAsUser"] for c in found["spec"]["initContainers"]]
        assert users == [1000, 1000], "the files are made by whom they are for"


def test_dotnet_standin_is_copied_and_named(runtimes):
    runtimes.pod("app=dotnet")
    log = said(runtimes, "dotnet", "app", "/otel-auto-instrumentation-dotnet\n")
    assert log.splitlines() == [
        "stand-in for linux/OpenTelemetry.AutoInstrumentation.Native.so",
        "stand-in for net/OpenTelemetry.AutoInstrumentation.StartupHook.dll",
        "/otel-auto-instrumentation-dotnet",
        "/otel-auto-instrumentation-dotnet/AdditionalDeps",
        "/otel-auto-instrumentation-dotnet/store",
    ]


def test_golang_standin_sees_the_process_of_its_target(runtimes):
    found = runtimes.pod("app=golang")
    assert [c["name"] for c in found["spec"]["containers"]] == ["app", "opentelemetry-auto-instrumentation"]
    log = said(runtimes, "golang", "opentelemetry-auto-instrumentation", "stand-in agent: found /otelcol as process ")
    assert "stand-in agent: OTEL_SERVICE_NAME=golang" in log and "k8s.container.name=app," in log
