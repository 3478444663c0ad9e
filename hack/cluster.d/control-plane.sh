# Part of hack/cluster: certificates, etcd, API server, controller manager and scheduler.
# shellcheck shell=bash disable=SC2153

start_control_plane() {
    make_certificates
    make_users
    if ! alive etcd; then
        need_free_port $((PORT + 1)) etcd
        need_free_port $((PORT + 2)) "etcd's peers"
        start_etcd
        wait_until 30 etcd "etcd" etcd_healthy
        log "cluster: etcd is up"
    fi
    if ! alive kube-apiserver; then
        need_free_port "$PORT" "the API server"
        start_apiserver
        wait_until 90 kube-apiserver "the API server to be ready" api_says /readyz '^ok$'
        log "cluster: the API server is up"
    fi
    alive kube-controller-manager || start_controller_manager
    alive kube-scheduler || start_scheduler
}

# An own certificate authority, and from it the API server's two certificates.
make_certificates() {
    local pki=$DIR/pki new=(openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 3650)
    [ ! -s "$pki/complete" ] || return 0
    quietly "$LOGS/openssl.log" "${new[@]}" -subj /CN=swiftlet-local-ca -keyout "$pki/ca.key" -out "$pki/ca.crt" \
        -addext keyUsage=critical,keyCertSign,cRLSign
    new+=(-CA "$pki/ca.crt" -CAkey "$pki/ca.key" -addext "basicConstraints=critical,CA:FALSE")
    local names="DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
    names+=",DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$GATEWAY,IP:$SERVICE_NETWORK.0.1"
    quietly "$LOGS/openssl.log" "${new[@]}" -subj /CN=kube-apiserver -keyout "$pki/apiserver.key" \
        -out "$pki/apiserver.crt" -addext "subjectAltName=$names" -addext extendedKeyUsage=serverAuth
    quietly "$LOGS/openssl.log" "${new[@]}" -subj /O=system:masters/CN=kube-apiserver-kubelet-client \
        -keyout "$pki/kubelet-client.key" -out "$pki/kubelet-client.crt" -addext extendedKeyUsage=clientAuth
    quietly "$LOGS/openssl.log" openssl genrsa -out "$pki/service-accounts.key" 2048
    quietly "$LOGS/openssl.log" openssl rsa -in "$pki/service-accounts.key" -pubout -out "$pki/service-accounts.pub"
    echo yes >"$pki/complete"
}

# A random token and a kubeconfig per user, so that the audit log tells who did what.
make_users() {
    [ ! -s "$DIR/kubeconfig" ] || return 0
    umask 077
    : >"$DIR/pki/tokens.csv"
    add_user system:kube-controller-manager '' "$DIR/conf/kube-controller-manager.kubeconfig"
    add_user system:kube-scheduler '' "$DIR/conf/kube-scheduler.kubeconfig"
    add_user system:kube-proxy '' "$DIR/conf/kube-proxy.kubeconfig"
    add_user system:node:node1 system:nodes "$DIR/conf/kubelet.kubeconfig"
    add_user swiftlet-dns system:masters "$DIR/conf/dns-watch.kubeconfig"
    add_user admin system:masters "$DIR/kubeconfig.new"
    mv "$DIR/kubeconfig.new" "$DIR/kubeconfig"
    umask 022
}

# add_user NAME GROUP KUBECONFIG
add_user() {
    local token
    token=$(openssl rand -hex 24)
    printf '%s,%s,%s%s\n' "$token" "$1" "$1" "${2:+,\"$2\"}" >>"$DIR/pki/tokens.csv"
    cat >"$3" <<END
apiVersion: v1
kind: Config
clusters:
- name: swiftlet
  cluster:
    server: https://127.0.0.1:$PORT
    certificate-authority-data: $(base64 -w 0 <"$DIR/pki/ca.crt")
users:
- name: $1
  user:
    token: $token
contexts:
- name: swiftlet
  context:
    cluster: swiftlet
    user: $1
    namespace: default
current-context: swiftlet
END
}

# api_says PATH PATTERN: does the API server's answer match this regular expression?
api_says() {
    local token answer
    token=$(sed -n 's/^    token: //p' "$DIR/kubeconfig")
    answer=$(curl -sf --max-time 5 --cacert "$DIR/pki/ca.crt" -H @- "https://127.0.0.1:$PORT$1" \
        <<<"Authorization: Bearer $token") && [[ $answer =~ $2 ]]
}

etcd_healthy() { [[ $(curl -sf --max-time 2 "http://127.0.0.1:$((PORT + 1))/health") = *true* ]]; }

start_etcd() {
    local client=http://127.0.0.1:$((PORT + 1)) peer=http://127.0.0.1:$((PORT + 2))
    start etcd etcd --data-dir "$DIR/etcd" --unsafe-no-fsync --quota-backend-bytes 4294967296 --log-level warn \
        --heartbeat-interval 20 --election-timeout 200 \
        --listen-client-urls "$client" --advertise-client-urls "$client" \
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer"
}

start_apiserver() {
    # Writes alone, without bodies: what tests need to count them.
    cat >"$DIR/conf/audit-policy.yaml" <<END
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: None
END
    # A loopback address would leave the Service "kubernetes" without endpoints. Without a node nobody connects to it,
    # so there it is one that is reserved for documentation.
    local advertise=198.51.100.1
    [ "$MODE" != full ] || advertise=$GATEWAY
    local pki=$DIR/pki
    # Bound tokens (with an expiry, rotated in the pod) are what every Kubernetes since 1.21 gives to pods.
    start kube-apiserver "$BIN/kube-apiserver" --etcd-servers "http://127.0.0.1:$((PORT + 1))" \
        --bind-address 127.0.0.1 --secure-port "$PORT" --advertise-address "$advertise" \
        --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
        --client-ca-file "$pki/ca.crt" --token-auth-file "$pki/tokens.csv" \
        --service-account-issuer https://kubernetes.default.svc.cluster.local \
        --service-account-key-file "$pki/service-accounts.pub" \
        --service-account-signing-key-file "$pki/service-accounts.key" \
        --feature-gates BoundServiceAccountTokenVolume=true \
        --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged=true \
        --service-cluster-ip-range "$SERVICE_NETWORK.0.0/16" \
        --kubelet-client-certificate "$pki/kubelet-client.crt" --kubelet-client-key "$pki/kubelet-client.key" \
        --kubelet-preferred-address-types InternalIP \
        --max-requests-inflight 2000 --max-mutating-requests-inflight 1000 --profiling=false \
        --audit-policy-file "$DIR/conf/audit-policy.yaml" --audit-log-path "$LOGS/audit.log" \
        --audit-log-maxsize 200 --audit-log-maxbackup 1
}

start_controller_manager() {
    # Without a kubelet, nodes are simulated ones: nobody may evict their pods because of a late heartbeat.
    local controllers='*'
    [ "$MODE" = full ] || controllers='*,-nodelifecycle'
    start kube-controller-manager "$BIN/kube-controller-manager" \
        --kubeconfig "$DIR/conf/kube-controller-manager.kubeconfig" --leader-elect=false \
        --bind-address 127.0.0.1 --port 0 --secure-port 0 --profiling=false \
        --use-service-account-credentials=true --root-ca-file "$DIR/pki/ca.crt" \
        --service-account-private-key-file "$DIR/pki/service-accounts.key" \
        --feature-gates BoundServiceAccountTokenVolume=true --controllers="$controllers" \
        --kube-api-qps 500 --kube-api-burst 1000 --concurrent-deployment-syncs 10 --concurrent-replicaset-syncs 10 \
        --concurrent-namespace-syncs 20
}

start_scheduler() {
    start kube-scheduler "$BIN/kube-scheduler" --kubeconfig "$DIR/conf/kube-scheduler.kubeconfig" \
        --leader-elect=false --bind-address 127.0.0.1 --port 0 --secure-port 0 --profiling=false \
        --kube-api-qps 500 --kube-api-burst 1000
}
