"""What kubernetes_sd finds, worked out anew from all objects of an API server, by Prometheus' documentation. Plain and
slow: the judge of an implementation that follows changes. Debian's Prometheus is built without kubernetes_sd."""

import re

META = "__meta_kubernetes_"
PREFERRED = ["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"]


def sanitized(text):
    return re.sub(r"[^a-zA-Z0-9_]", "_", text)


def join(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def mapped(kind, pairs, prefix):
    labels = {}
    for key, value in (pairs or {}).items():
        labels[f"{META}{prefix}_{kind}_{sanitized(key)}"] = value
        labels[f"{META}{prefix}_{kind}present_{sanitized(key)}"] = "true"
    return labels


def described(item, role, name=True):
    meta = item["metadata"]
    labels = {f"{META}{role}_name": meta["name"]} if name else {}
    return {**labels, **mapped("label", meta.get("labels"), role), **mapped("annotation", meta.get("annotations"), role)}


def pod_labels(pod):
    status, meta = pod.get("status", {}), pod["metadata"]
    ready = next((c["status"] for c in status.get("conditions", []) if c["type"] == "Ready"), "unknown")
    labels = {
        f"{META}pod_ip": status.get("podIP", ""), f"{META}pod_ready": ready.lower(), f"{META}pod_phase": status.get("phase", ""),
        f"{META}pod_node_name": pod["spec"].get("nodeName", ""), f"{META}pod_host_ip": status.get("hostIP", ""),
        f"{META}pod_uid": meta["uid"], **described(pod, "pod"),
    }
    for owner in meta.get("ownerReferences", []):
        if owner.get("controller"):
            labels |= {f"{META}pod_controller_kind": owner["kind"], f"{META}pod_controller_name": owner["name"]}
            break
    return labels


def containers(pod):
    for key, init in (("containers", "false"), ("initContainers", "true")):
        for container in pod["spec"].get(key, []):
            yield container, init


def container_labels(container, init, port=None, protocol=None):
    prefix = f"{META}pod_container_"
    labels = {f"{prefix}name": container["name"], f"{prefix}image": container.get("image", ""), f"{prefix}init": init}
    if port:
        labels |= {
            f"{prefix}port_name": port.get("name", ""), f"{prefix}port_number": str(port["containerPort"]),
            f"{prefix}port_protocol": protocol,
        }
    return labels


class Cluster:
    """All objects, read once."""

    def __init__(self, server, slices):
        def objects(path):
            code, answer = server.read(path)
            assert code == 200, answer
            return {(i["metadata"].get("namespace", ""), i["metadata"]["name"]): i for i in answer["items"] or []}

        self.pods = objects("/api/v1/pods")
        self.nodes = objects("/api/v1/nodes")
        self.services = objects("/api/v1/services")
        self.namespaces = objects("/api/v1/namespaces")
        self.own = {
            "pod": self.pods, "node": self.nodes, "service": self.services, "endpoints": objects("/api/v1/endpoints"),
            "endpointslice": objects(f"/apis/discovery.k8s.io/{slices}/endpointslices"),
            "ingress": objects("/apis/networking.k8s.io/v1/ingresses"),
        }

    def targets(self, role, attach=(), namespaces=None, selects=None):
        """The targets of a role, without labels that are empty. `selects` takes kind and object, as selectors do."""
        selects = selects or (lambda kind, item: True)
        self.attach, self.selects = attach, selects
        result = []
        for (namespace, _), item in self.own[role].items():
            if (namespaces and namespace not in namespaces) or not selects(role, item):
                continue
            group, targets = getattr(self, role)(item)
            if role != "node":
                group = {f"{META}namespace": namespace, **group, **self.of_namespace(namespace)}
            for target in targets:
                labels = {**group, **target}
                result.append({k: v for k, v in labels.items() if v or k == "__address__"})
        return result

    def of_namespace(self, name):
        known = self.namespaces.get(("", name)) if "namespace" in self.attach else None
        return described(known, "namespace", name=False) if known else {}

    def of_node(self, name):
        known = self.nodes.get(("", name)) if "node" in self.attach and name else None
        return described(known, "node") if known else {}

    def referred(self, ref):
        if not ref or ref.get("kind") != "Pod":
            return None
        pod = self.pods.get((ref.get("namespace", ""), ref["name"]))
        return pod if pod and self.selects("pod", pod) else None

    def of_service(self, namespace, name):
        service = self.services.get((namespace, name))
        return described(service, "service") if service and self.selects("service", service) else {}

    def node(self, item):
        status = item.get("status", {})
        first = {}
        for address in status.get("addresses", []):
            first.setdefault(address["type"], address["address"])
        group = {**described(item, "node"), f"{META}node_provider_id": item["spec"].get("providerID", "")}
        for condition in status.get("conditions", []):
            group[f"{META}node_condition_{sanitized(condition['type'].lower())}"] = condition["status"].lower()
        best = next((first[kind] for kind in PREFERRED if kind in first), None)
        if best is None:
            return group, []
        port = status.get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port", 0)
        target = {"__address__": join(best, port), "instance": item["metadata"]["name"]}
        return group, [target | {f"{META}node_address_{sanitized(kind)}": value for kind, value in first.items()}]

    def pod(self, item):
        status = item.get("status", {})
        address = status.get("podIP")
        if not address:
            return {}, []
        ids = {s["name"]: s.get("containerID", "") for key in ("containerStatuses", "initContainerStatuses") for s in status.get(key, [])}
        targets = []
        for container, init in containers(item):
            for port in container.get("ports") or [None]:
                labels = container_labels(container, init, port, port and port["protocol"])
                labels[f"{META}pod_container_id"] = ids.get(container["name"], "")
                targets.append({"__address__": join(address, port["containerPort"]) if port else address, **labels})
        return {**pod_labels(item), **self.of_node(item["spec"].get("nodeName"))}, targets

    def service(self, item):
        spec, meta = item["spec"], item["metadata"]
        targets = []
        for port in spec.get("ports", []):
            labels = {
                "__address__": f"{meta['name']}.{meta['namespace']}.svc:{port['port']}", f"{META}service_type": spec["type"],
                f"{META}service_port_name": port.get("name", ""), f"{META}service_port_number": str(port["port"]),
                f"{META}service_port_protocol": port["protocol"],
            }
            if spec["type"] == "ExternalName":
                labels[f"{META}service_external_name"] = spec["externalName"]
            else:
                labels[f"{META}service_cluster_ip"] = spec["clusterIP"]
            if spec["type"] == "LoadBalancer":
                labels[f"{META}service_loadbalancer_ip"] = spec.get("loadBalancerIP", "")
            targets.append(labels)
        return described(item, "service"), targets

    def backed(self, addresses):
        """Targets of (labels, address, port number, reference, node, protocol) and those of ports that were not listed."""
        targets, seen = [], {}
        for labels, address, number, ref, node, protocol in addresses:
            name = ref["name"] if ref and ref.get("kind") == "Node" else node
            target = {"__address__": join(address, number) if number is not None else address, **labels, **self.of_node(name)}
            pod = self.referred(ref)
            if pod:
                seen.setdefault((pod["metadata"]["namespace"], pod["metadata"]["name"]), (pod, set()))[1].add(number)
                target |= pod_labels(pod)
                for container, init in containers(pod):
                    for port in container.get("ports", []):
                        if port["containerPort"] == number:
                            target |= container_labels(container, init, port, protocol or port["protocol"])
                            break
            targets.append(target)
        for pod, numbers in seen.values():
            address = pod["status"].get("podIP")
            for container, init in containers(pod) if address else []:
                for port in container.get("ports", []):
                    if port["containerPort"] not in numbers:
                        targets.append({
                            "__address__": join(address, port["containerPort"]),
                            **container_labels(container, init, port, port["protocol"]), **pod_labels(pod),
                        })
        return targets

    def endpoints(self, item):
        def addresses():
            for subset in item.get("subsets", []):
                for port in subset.get("ports", []):
                    for key, ready in (("addresses", "true"), ("notReadyAddresses", "false")):
                        for address in subset.get(key, []):
                            ref = address.get("targetRef", {})
                            prefix = f"{META}endpoint_"
                            yield {
                                f"{prefix}port_name": port.get("name", ""), f"{prefix}port_protocol": port["protocol"],
                                f"{prefix}ready": ready, f"{prefix}hostname": address.get("hostname", ""),
                                f"{prefix}node_name": address.get("nodeName", ""),
                                f"{prefix}address_target_kind": ref.get("kind", ""),
                                f"{prefix}address_target_name": ref.get("name", ""),
                            }, address["ip"], port["port"], ref, address.get("nodeName"), port["protocol"]

        meta = item["metadata"]
        return {**described(item, "endpoints"), **self.of_service(meta["namespace"], meta["name"])}, self.backed(addresses())

    def endpointslice(self, item):
        prefix = f"{META}endpointslice_"

        def addresses():
            for endpoint in item["endpoints"] or []:
                ref, conditions = endpoint.get("targetRef", {}), endpoint.get("conditions", {})
                common = {
                    f"{prefix}endpoint_hostname": endpoint.get("hostname", ""), f"{prefix}endpoint_zone": endpoint.get("zone", ""),
                    f"{prefix}endpoint_node_name": endpoint.get("nodeName", ""),
                    f"{prefix}address_target_kind": ref.get("kind", ""), f"{prefix}address_target_name": ref.get("name", ""),
                    **{f"{prefix}endpoint_conditions_{key}": str(value).lower() for key, value in conditions.items()},
                }
                for key, value in (endpoint.get("topology") or endpoint.get("deprecatedTopology") or {}).items():
                    common[f"{prefix}endpoint_topology_{sanitized(key)}"] = value
                    common[f"{prefix}endpoint_topology_present_{sanitized(key)}"] = "true"
                for port in item["ports"] or []:
                    own = {
                        f"{prefix}port_name": port.get("name", ""), f"{prefix}port_protocol": port.get("protocol", ""),
                        f"{prefix}port": str(port.get("port", "")), f"{prefix}port_app_protocol": port.get("appProtocol", ""),
                    }
                    for address in endpoint["addresses"]:
                        yield {**common, **own}, address, port.get("port"), ref, endpoint.get("nodeName"), None

        meta = item["metadata"]
        group = {f"{prefix}address_type": item["addressType"], **described(item, "endpointslice")}
        service = meta.get("labels", {}).get("kubernetes.io/service-name")
        if service is not None:
            group |= self.of_service(meta["namespace"], service)
        return group, self.backed(addresses())

    def ingress(self, item):
        spec = item["spec"]
        secured = [host for tls in spec.get("tls", []) for host in tls.get("hosts", [])]

        def matches(pattern, host):
            left, right = pattern.split("."), host.split(".")
            return pattern == host or (left[0] == "*" and len(left) == len(right) and left[1:] == right[1:])

        targets = []
        for rule in spec.get("rules", []):
            host = rule.get("host", "")
            paths = [path.get("path", "") for path in rule["http"]["paths"]] if "http" in rule else ["/"]
            for path in paths:
                targets.append({
                    "__address__": host, f"{META}ingress_host": host, f"{META}ingress_path": path or "/",
                    f"{META}ingress_scheme": "https" if any(matches(p, host) for p in secured) else "http",
                })
        return {**described(item, "ingress"), f"{META}ingress_class_name": spec.get("ingressClassName", "")}, targets
