#!/bin/sh
# Makes a virtual environment hold exactly what a lock file pins, showing how far it is:
#   install.sh DIRECTORY REQUIREMENTS ABOUT_SECONDS [further arguments of `pip install` for a second step]
# An interrupted installation, a broken environment or one that was moved is made anew. PYTHON chooses the interpreter.
# Of two at the same time the second waits, and does not repeat what the first has done.
set -eu
. "$(dirname "$0")/mutex.sh"

venv=$1 requirements=$2 about=$3
shift 3
log=$venv/install.log
marker=$venv/.installing
finished=$venv/.installed-$(echo "$requirements $*" | cksum | cut -d ' ' -f 1)
pip_pid=

# Settings of other environments that would lead pip or the interpreter astray; .pyc files make every start quicker.
unset PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV
[ -n "${HOME-}" ] || unset HOME

fail() {
    printf '\n%s\n' "$1" >&2
    exit 1
}

find_python() {
    if [ -n "${PYTHON-}" ]; then set -- "$PYTHON"; else set -- python3.13 python3.12 python3.11 python3.14 python3; fi
    incomplete=
    for candidate; do
        # A name on PATH proves nothing: pyenv has shims for versions that are not selected.
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue
        if "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
        incomplete=${incomplete:-$candidate}
    done
    [ -z "$incomplete" ] || fail "$incomplete can't make virtual environments: its ensurepip is missing.
On Debian and Ubuntu: apt-get install $(
        "$incomplete" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
    )"
    fail "No Python 3.11 or newer found (tried: $*). Install one, or name it: make PYTHON=/path/to/python3 …"
}

usable() {
    [ ! -e "$marker" ] || return 1
    [ "$(cat "$venv/.tree" 2>/dev/null || pwd -P)" = "$(pwd -P)" ] || return 1 # moved: its scripts name the old place
    "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

interrupted() {
    [ -z "$pip_pid" ] || kill "$pip_pid" 2>/dev/null || true
    printf '\nInterrupted; the next run starts the installation anew.\n' >&2
    exit 130
}
trap interrupted INT TERM HUP

progress() {
    if grep -q '^Installing collected' "$log"; then verb=unpacking; else verb=fetching; fi
    fetched=$(grep -cE '^(Collecting|Requirement already)' "$log" || true)
    unpacked=$(find "$venv"/lib/python*/site-packages -maxdepth 1 -name '*.dist-info' | wc -l)
    if [ "$verb" = fetching ]; then count=$fetched; else count=$unpacked; fi
    [ "$count" -le "$total" ] || count=$total
    printf "$1" "$verb" "$((count))" "$total" "$seconds"
}

pip_install() {
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input "$@" >>"$log" 2>&1 &
    pip_pid=$!
    identity "$pip_pid" >"$marker"
    while kill -0 "$pip_pid" 2>/dev/null; do
        sleep 1
        seconds=$((seconds + 1))
        if [ -t 1 ]; then
            progress '\r  %s %d of %d packages, %d s '
        elif [ $((seconds % 10)) -eq 0 ]; then
            progress '  %s %d of %d packages, %d s\n'
        fi
    done
    wait "$pip_pid" || fail "pip could not install $requirements; the end of $log:
$(tail -n 15 "$log")"
    pip_pid=
}

last=$(cat "$finished" 2>/dev/null || true)
acquire "$venv.installing" "installing into $venv"
trap interrupted INT TERM HUP
if [ "$(cat "$finished" 2>/dev/null || true)" != "$last" ] && usable; then
    exit
fi
# A script that was killed leaves its pip behind.
while alive "$(cat "$marker" 2>/dev/null || true)"; do sleep 0.2; done
if ! usable; then
    python=$(find_python)
    echo "Making $venv with $python ($("$python" -V))"
    rm -rf "$venv"
    mkdir "$venv"
    : >"$marker"
    "$python" -m venv "$venv" || fail "$python could not make a virtual environment."
fi
: >"$marker"
: >"$log"
total=$(grep -c '==' "$requirements")
seconds=0
echo "Installing $requirements into $venv (once, about $about s)"
# Only files whose hash the lock file has: a package that was replaced in a registry is refused. The lock file names
# every package, so pip has none to look for: for `package[extra]` it would take a newer version, whose hash is not
# there.
pip_install --require-hashes --no-deps --requirement "$requirements"
[ $# -eq 0 ] || pip_install "$@"
[ ! -t 1 ] || printf '\r%60s\r' ''
echo "Installed in $seconds s"
pwd -P >"$venv/.tree"
identity $$ >"$finished"
rm "$marker"
