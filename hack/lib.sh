# What the scripts in this folder share. Use: . "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck shell=bash
set -euo pipefail

HACK=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# Everything that is expensive to make is kept here, outside the checkout. CACHE/work is scratch: safe to delete.
CACHE=$(realpath -m "${SWIFTLET_CACHE:-${HOME:-/root}/.cache/swiftlet}")
# Nested scripts count their seconds from the start of the outermost one.
export SWIFTLET_STARTED=${SWIFTLET_STARTED:-$EPOCHSECONDS}

# log TEXT...: one line of progress on standard error, with the seconds since the start.
log() { printf '[%4ds] %s\n' $((EPOCHSECONDS - SWIFTLET_STARTED)) "$*" >&2; }

# die TEXT [LOG-FILE]: one clear error, with the end of the log file that knows more; DIE_CODE is the exit code.
die() {
    printf 'error: %s\n' "$1" >&2
    if [ -n "${2:-}" ] && [ -s "$2" ]; then
        printf '       the end of %s:\n' "$2" >&2
        tail -n 15 "$2" | cut -c1-400 | sed 's/^/       | /' >&2
    fi
    exit "${DIE_CODE:-1}"
}

# quietly LOG-FILE COMMAND...: runs the command with its output in the file; a failure shows the end of it.
quietly() {
    local file=$1
    shift
    mkdir -p "$(dirname "$file")"
    "$@" >"$file" 2>&1 </dev/null || die "'${*:1:4}' failed" "$file"
}

# usage: prints the comment at the top of the calling script.
usage() { sed -n '2,/^[^#]/{/^#/!q;s/^# \{0,1\}//;p}' "$0"; }

need_root() { [ "$(id -u)" = 0 ] || die "$1 needs root (run it as root or through sudo)"; }

# lock NAME: one holder at a time across processes; waits for another holder and says so. Held until the script ends.
lock() {
    mkdir -p "$CACHE/locks"
    exec {LOCK_FD}>"$CACHE/locks/$1"
    flock -n "$LOCK_FD" && return
    log "$1: waiting for another process that works on it"
    flock "$LOCK_FD"
}

# hash_of FILE...: a short hash of the files' contents and names, the key of what is made from them.
hash_of() {
    local file
    for file in "$@"; do
        printf '%s ' "$(basename "$file")"
        sha256sum <"$file"
    done | sha256sum | cut -c1-16
}

# keep_only FOLDER KEY: removes the folder's other entries, which older inputs made.
keep_only() { find "$1" -mindepth 1 -maxdepth 1 ! -name "$2" -exec rm -rf {} +; }

# private_apt FOLDER TYPE SUITE: prints nothing, sets APT to an apt-get that sees just this Debian suite (TYPE is deb
# or deb-src) and keeps its lists in FOLDER, so that the machine's own sources stay as they are.
private_apt() {
    local folder=$1 mirror
    mkdir -p "$folder"/{lists/partial,cache/archives/partial}
    mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
    [ -n "$mirror" ] || mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*debian\/\{0,1\}\) .*/\2/p' \
        /etc/apt/sources.list 2>/dev/null | head -n 1)
    printf '%s [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
        "$2" "${mirror:-http://deb.debian.org/debian}" "$3" >"$folder/sources.list"
    APT=(apt-get -q -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root
        -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3)
}
