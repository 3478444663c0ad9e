# Part of hack/cluster: the node: containerd, pod network, DNS for services, kubelet and kube-proxy.
# shellcheck shell=bash disable=SC2153

# Everything of ours in the machine's cgroups lies below this name. A node in a network namespace of its own needs another
# one: a kubelet ends what it does not know there, and so does `down`.
CGROUP=${SWIFTLET_CGROUP:-swiftlet}

# Exit code 3 means: not a fault of ours, this machine can't run containers.
cannot() {
    DIE_CODE=3 die "this machine can't run containers: $1 (hack/cluster up --control-plane-only works)" "${2:-}"
}

# What must be true before anything is started; start_containerd tries a real container later.
need_containers() {
    local capabilities pid other
    capabilities=$((16#$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)))
    ((capabilities >> 21 & 1)) || cannot "no CAP_SYS_ADMIN"
    ((capabilities >> 12 & 1)) || cannot "no CAP_NET_ADMIN"
    [ -e /dev/kmsg ] || cannot "no /dev/kmsg, which the kubelet reads"
    [ -w /sys/fs/cgroup ] || cannot "/sys/fs/cgroup is not writable"
    iptables-save >/dev/null 2>&1 || cannot "iptables does not work"
    for pid in $(running kubelet) $(running kube-proxy); do
        # One in a network of its own (unshare --net) is no neighbour.
        [ "$(readlink "/proc/$pid/ns/net")" = "$(readlink /proc/self/ns/net)" ] || continue
        other=$(sed -zn 's/^SWIFTLET_CLUSTER=//p' "/proc/$pid/environ" 2>/dev/null | tr -d '\0') || continue
        [ "$other" = "$DIR" ] || die "another Kubernetes node runs on this machine (process $pid${other:+, in $other});
       a second one would spoil its network"
    done
}

# running NAME: the ids of processes with this name that are alive, zombies left out.
running() { pgrep --runstates D,R,S,T -x "$1" || true; }

ctr() { command ctr --address "$RUN/containerd.sock" --namespace k8s.io "$@"; }

start_node() {
    make_network
    alive containerd || start_containerd
    # The API server listens on loopback; pods reach it at the node's address, through the Service "kubernetes" too.
    alive api-forward ||
        start api-forward socat "TCP-LISTEN:$PORT,bind=$GATEWAY,fork,reuseaddr" "TCP:127.0.0.1:$PORT"
    start_dns
    make_cgroups
    alive kubelet || start_kubelet
    alive kube-proxy || start_kube_proxy
}

make_network() {
    local other
    other=$(ip -o -4 address show to "$POD_NETWORK.0.0/16" | awk -v ours="$BRIDGE" '$2 != ours {print $2}' | head -n 1)
    [ -z "$other" ] || die "the interface $other has an address in $POD_NETWORK.0.0/16, the pods' network:
       choose another with SWIFTLET_POD_NETWORK, or remove the interface if nothing uses it"
    if [ ! -e "/sys/class/net/$BRIDGE" ]; then
        ip link add "$BRIDGE" type bridge 2>"$LOGS/network.log" || cannot "no bridge can be made" "$LOGS/network.log"
    fi
    ip address replace "$GATEWAY/16" dev "$BRIDGE"
    ip link set "$BRIDGE" up
    # Service addresses never leave the machine, whether or not kube-proxy knows them, default route or none.
    ip route replace "$SERVICE_NETWORK.0.0/16" dev "$BRIDGE"
    sysctl -qw net.ipv4.ip_forward=1 2>"$LOGS/network.log" ||
        cannot "IP forwarding can't be switched on" "$LOGS/network.log"
    local direction
    for direction in -i -o; do
        iptables -w -C FORWARD $direction "$BRIDGE" -m comment --comment swiftlet -j ACCEPT 2>/dev/null ||
            iptables -w -I FORWARD $direction "$BRIDGE" -m comment --comment swiftlet -j ACCEPT
    done
    # iptables has to see traffic between pods, or answers from behind a Service come from the wrong address.
    modprobe -q br_netfilter 2>/dev/null || true
    if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
        echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
    fi
    # hairpinMode lets a pod reach itself through its own Service.
    mkdir -p "$DIR/conf/cni"
    cat >"$DIR/conf/cni/10-swiftlet.conflist" <<END
{
  "cniVersion": "0.4.0",
  "name": "$(basename "$RUN")",
  "plugins": [
    {
      "type": "bridge", "bridge": "$BRIDGE", "isGateway": true, "hairpinMode": true,
      "ipam": {
        "type": "host-local", "dataDir": "$RUN/addresses",
        "ranges": [[{"subnet": "$POD_NETWORK.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
END
}

start_containerd() {
    local image images snapshotter=overlayfs
    mkdir -p "$RUN" "$DIR/containerd"
    overlay_works || snapshotter=native
    # restrict_oom_score_adj: without CAP_SYS_RESOURCE runc can't lower the score below its own.
    cat >"$DIR/conf/containerd.toml" <<END
version = 2
root = "$DIR/containerd"
state = "$RUN/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "$RUN/containerd.sock"
[ttrpc]
  address = "$RUN/containerd.sock.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.local/pause:1"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$DIR/conf/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$snapshotter"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "$RUN/runc"
END
    start containerd containerd --config "$DIR/conf/containerd.toml"
    wait_until 30 containerd "containerd" ctr version >/dev/null
    images=$("$HACK/workloads" pause busybox)
    for image in $images; do
        import_image "$image"
    done
    # The proof that counts: a container that runs.
    ctr run --rm --snapshotter $snapshotter --cgroup "/$CGROUP/probe" --fifo-dir "$RUN/fifo" --runc-root "$RUN/runc" \
        registry.local/busybox:1 swiftlet-probe /bin/true >"$LOGS/probe.log" 2>&1 </dev/null ||
        cannot "containerd and runc could not start one" "$LOGS/probe.log"
    log "cluster: containerd is up ($snapshotter) and runs containers"
}

overlay_works() {
    local folder=$DIR/containerd/overlay-probe works=1
    mkdir -p "$folder"/{lower,upper,work,merged}
    if mount -t overlay overlay -o "lowerdir=$folder/lower,upperdir=$folder/upper,workdir=$folder/work" \
        "$folder/merged" 2>/dev/null; then
        umount "$folder/merged"
        works=0
    fi
    rm -rf "$folder"
    return $works
}

import_image() {
    local said
    said=$(ctr images import "$1" 2>"$LOGS/import.log" </dev/null) ||
        die "containerd can't import $1" "$LOGS/import.log"
    log "cluster: loaded $(sed -n 's/^unpacking \([^ ]*\).*/\1/p' <<<"$said")"
}

# Names of Services: dns-watch writes the hosts file from the API and has dnsmasq read it anew.
start_dns() {
    if ! alive dns; then
        touch "$RUN/hosts"
        start dns dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file= --log-facility=- \
            --bind-interfaces --listen-address="$GATEWAY" --except-interface=lo \
            --no-resolv --no-hosts --addn-hosts="$RUN/hosts" --local=/cluster.local/ --address=/#/
    fi
    if ! alive dns-watch; then
        cp "$HACK/cluster.d/dns-watch" "$RUN/dns-watch"
        start dns-watch "$RUN/dns-watch" "$DIR/conf/dns-watch.kubeconfig" "$RUN/hosts" "$DIR/run/dns.pid"
    fi
}

# The folders of our cgroup, in each hierarchy of version 1 or in the only one of version 2.
cgroups() { find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d -name $CGROUP; }

make_cgroups() {
    local folder
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        sed 's/[a-z_]\+/+&/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null ||
            log "cluster: could not hand every cgroup controller on"
        mkdir -p /sys/fs/cgroup/$CGROUP
        return
    fi
    for folder in /sys/fs/cgroup/*/; do
        [ ! -e "$folder/cgroup.procs" ] || mkdir -p "$folder/$CGROUP"
    done
}

start_kubelet() {
    printf 'nameserver %s\n' "$GATEWAY" >"$DIR/conf/resolv.conf"
    # No thresholds that depend on this machine's disk, and never collect images: they can't be pulled again.
    cat >"$DIR/conf/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $GATEWAY
healthzPort: 0
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $DIR/pki/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
enforceNodeAllocatable: []
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [$GATEWAY]
resolvConf: $DIR/conf/resolv.conf
nodeStatusUpdateFrequency: 1s
nodeStatusReportFrequency: 5m
maxPods: 250
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
featureGates: {BoundServiceAccountTokenVolume: true}
END
    start kubelet "$BIN/kubelet" --kubeconfig "$DIR/conf/kubelet.kubeconfig" --config "$DIR/conf/kubelet.yaml" \
        --root-dir "$DIR/kubelet" --cert-dir "$DIR/kubelet/pki" --hostname-override node1 --node-ip "$GATEWAY" \
        --container-runtime remote --container-runtime-endpoint "unix://$RUN/containerd.sock"
}

start_kube_proxy() {
    local masquerade=()
    [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || masquerade=(--masquerade-all)
    start kube-proxy "$BIN/kube-proxy" --kubeconfig "$DIR/conf/kube-proxy.kubeconfig" --proxy-mode iptables \
        --bind-address "$GATEWAY" --cluster-cidr "$POD_NETWORK.0.0/16" --hostname-override node1 \
        --conntrack-max-per-core 0 --iptables-min-sync-period 100ms --iptables-sync-period 30s \
        --nodeport-addresses "$GATEWAY/32,127.0.0.0/8" --healthz-bind-address 127.0.0.1:10256 \
        --metrics-bind-address 127.0.0.1:10249 "${masquerade[@]}"
}

# The kubelet listens and says that all is well; its word alone may be from before a restart.
node_ready() { port_taken 10250 "$GATEWAY" && api_says /api/v1/nodes/node1 '"reason": "KubeletReady"'; }

# Undoes start_node, also after a crash: each step finds what is left by itself.
remove_node() {
    local folder file pod
    stop kubelet kube-proxy dns-watch dns api-forward
    for folder in $(cgroups); do
        find "$folder" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | xargs -r kill -KILL 2>/dev/null || true
    done
    stop containerd
    stop_strays
    for folder in "$RUN" "$DIR"; do
        unmount_below "$folder"
    done
    /usr/bin/python3 "$HACK/cluster.d/remove-iptables-rules" "$(basename "$RUN")"
    if [ -e "/sys/class/net/$BRIDGE" ]; then ip link delete "$BRIDGE"; fi
    for folder in $(cgroups); do
        find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    # Files that CNI and containerd's shims keep in places of their own choice, ours among those of other programs.
    for file in /var/lib/cni/results/"$(basename "$RUN")"-*-eth0; do
        pod=${file##*/"$(basename "$RUN")"-}
        rm -f "$file" "/var/lib/cni/results/cni-loopback-${pod%-eth0}-lo"
    done
    [ "$(running containerd)" ] || rm -rf /run/containerd
    rm -rf --one-file-system "$RUN" "$DIR/containerd" "$DIR/kubelet" "$DIR/conf"
}

unmount_below() {
    local point
    # The newest first, so that what is mounted inside another goes before it.
    tac /proc/self/mountinfo | cut -d ' ' -f 5 | while read -r point; do
        case $point in "$1"/*) umount "$point" 2>/dev/null || umount -l "$point" || true ;; esac
    done
}
