# Part of hack/cluster: processes that outlive the shell which started them. Each has DIR/run/NAME.pid, which holds
# its id and start time (an id alone may by now belong to another process), and DIR/logs/NAME.log.
# shellcheck shell=bash disable=SC2153

# start_time PID: the kernel's start time of the process; fails for one that has ended or is a zombie.
start_time() {
    local stat fields
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }"
    [ "${fields[0]}" != Z ] && printf '%s' "${fields[19]}"
}

pid_of() { cut -d ' ' -f 1 <"$DIR/run/$1.pid"; }

alive() {
    local pid started
    [ -s "$DIR/run/$1.pid" ] || return 1
    read -r pid started <"$DIR/run/$1.pid"
    [ "$(start_time "$pid")" = "$started" ]
}

any_alive() {
    local name
    for name in "${CONTROL_PLANE[@]}" "${NODE[@]}"; do
        if alive "$name"; then return 0; fi
    done
    return 1
}

# start NAME COMMAND...: in a session of its own, without our standard streams, open files and folder. The variable
# SWIFTLET_CLUSTER marks the process and all that it starts as this cluster's.
start() {
    local name=$1 pid
    shift
    (
        cd "$DIR"
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi
        done
        exec env "SWIFTLET_CLUSTER=$DIR" setsid "$@"
    ) >>"$LOGS/$name.log" 2>&1 </dev/null &
    pid=$!
    echo "$pid $(start_time $pid)" >"$DIR/run/$name.pid"
    disown $pid
}

# stop NAME...: asks all of them (with the children in their sessions) to end, and kills what has not after 2 seconds.
stop() {
    local name pids=()
    for name in "$@"; do
        if alive "$name"; then pids+=("$(pid_of "$name")"); fi
    done
    end_processes "${pids[@]}"
    for name in "$@"; do
        rm -f "$DIR/run/$name.pid"
    done
}

# Ends what the pid files don't know: processes that carry this cluster's mark, such as containerd's shims.
stop_strays() {
    local files pids=()
    files=$(grep -lszxF "SWIFTLET_CLUSTER=$DIR" /proc/[0-9]*/environ || true)
    for file in $files; do
        file=${file#/proc/}
        pids+=("${file%/environ}")
    done
    end_processes "${pids[@]}"
}

end_processes() {
    local pid tries left=("$@")
    for pid in "$@"; do
        kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
    done
    for ((tries = 0; tries < 100; tries++)); do
        left=()
        for pid in "$@"; do
            if start_time "$pid" >/dev/null; then left+=("$pid"); fi
        done
        [ ${#left[@]} -gt 0 ] || return 0
        if [ $tries = 20 ]; then
            for pid in "${left[@]}"; do
                kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
            done
        fi
        sleep 0.1
    done
    die "these processes don't end: ${left[*]}"
}

# wait_until SECONDS NAME WHAT COMMAND...: until the command succeeds; fails with the log of process NAME.
wait_until() {
    local seconds=$1 name=$2 what=$3 end=$((EPOCHSECONDS + $1))
    shift 3
    until "$@" 2>/dev/null; do
        alive "$name" || die "$name has ended while waiting for $what" "$LOGS/$name.log"
        [ $EPOCHSECONDS -le $end ] || die "waited ${seconds}s in vain for $what" "$LOGS/$name.log"
        sleep 0.1
    done
}

# port_taken PORT [ADDRESS]: does something listen there?
port_taken() { (: <"/dev/tcp/${2:-127.0.0.1}/$1") 2>/dev/null; }

need_free_port() {
    if port_taken "$1"; then
        die "port $1 on 127.0.0.1, wanted for $2, is taken ($(ss -Hltnp "sport = :$1" | grep -o 'users:.*' |
            head -n 1)); choose another with --port"
    fi
}
