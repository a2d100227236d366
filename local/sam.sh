#!/bin/sh
# Runs the SAM CLI of .venv-sam as this project needs it: sam.sh validate | build | local start-api | local invoke X …
# Ports and settings that were changed for the other programs (REDIS_PORT, CONNECTIONS_PORT, SPEED …) reach the
# functions too.
set -eu
. "$(dirname "$0")/setup/mutex.sh"

sam=$(dirname "$0")/../.venv-sam/bin/sam
if [ ! -x "$sam" ]; then
    echo "the SAM CLI is not installed: make sam" >&2
    exit 1
fi
export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION="${AWS_DEFAULT_REGION:-${AWS_REGION:-eu-central-1}}"

# Where `make services` keeps its passwords; a ~ stands for a home directory, as in local/settings.py.
services_home() {
    home=${ORDERFLOW_HOME:-$(dirname "$0")/../.orderflow}
    user=${home%%/*}
    case $user in
        "~") home=$HOME${home#"~"} ;;
        "~"*[!A-Za-z0-9._-]*) ;;
        "~"*) home=$(eval "echo $user")${home#"$user"} ;;
    esac
    echo "$home/services"
}

build_directory() {
    directory=.aws-sam/build
    while [ $# -gt 1 ]; do
        [ "$1" != --build-dir ] || directory=$2
        shift
    done
    echo "$directory"
}

# What `sam local` goes by: what is named, or what was built, or the template itself.
template_of() {
    template=.aws-sam/build/template.yaml
    [ -r "$template" ] || template=template.yaml
    while [ $# -gt 1 ]; do
        case $1 in --template | --template-file | -t) template=$2 ;; esac
        shift
    done
    echo "$template"
}

if [ "${1-}" = build ]; then
    # The functions' own runtime must be on PATH. A name there proves nothing: pyenv has shims for what is not selected.
    for bin in "$(dirname "$(command -v python3.13)")" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin; do
        if "$bin/python3.13" -c '' 2>/dev/null; then
            # One build at a time: they share their cache. Another's result may be in use: nothing is built twice.
            mkdir -p .aws-sam
            built=.aws-sam/.built-$(echo "$*" | cksum | cut -d ' ' -f 1)
            last=$(cat "$built" 2>/dev/null || true)
            acquire .aws-sam/building "building"
            [ "$(cat "$built" 2>/dev/null || true)" = "$last" ] || exit 0
            PATH="$bin:$PATH" "$sam" "$@"
            # Lambda keeps no compiled module from one cold start to the next: without these each takes seconds longer.
            "$bin/python3.13" -m compileall -q --invalidation-mode unchecked-hash "$(build_directory "$@")"
            identity $$ >"$built"
            exit
        fi
    done
    echo "sam build needs the functions' own runtime, python3.13, on PATH: install it (pyenv install 3.13)." >&2
    exit 1
fi

if [ "${1-}" = local ]; then
    # Nothing here asks for credentials; but SAM asks AWS whose they are, and tries for seconds without an answer.
    if [ -z "${AWS_ACCESS_KEY_ID-}${AWS_PROFILE-}" ]; then
        export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
        export AWS_ENDPOINT_URL_STS="${AWS_ENDPOINT_URL_STS-http://127.0.0.1:9}" AWS_MAX_ATTEMPTS=1
    fi
    # `sam local` finds no address among what it knows of a request, and would let nobody in; it caches no answer.
    template=$(template_of "$@")
    if [ -r "$template" ]; then
        without_address=$(dirname "$template")/local-$(basename "$template")
        sed -e 's/, identity\.sourceIp//' -e '/^ *- identity\.sourceIp$/d' "$template" >"$without_address.$$"
        mv "$without_address.$$" "$without_address"
        set -- "$@" --template "$without_address"
    fi
    # No program collects metrics here, and SAM takes a second longer when a line comes with an invocation's end.
    export POWERTOOLS_METRICS_NAMESPACE="${POWERTOOLS_METRICS_NAMESPACE-}"
    # A variable of this shell goes before the function's own; to a container this machine has another name.
    host=host.docker.internal
    services=$(services_home)
    if [ -n "${REDIS_PORT-}" ] || { [ -z "${REDIS_URL-}" ] && [ -r "$services/redis-password" ]; }; then
        REDIS_URL="redis://:$(cat "$services/redis-password" 2>/dev/null)@$host:${REDIS_PORT:-6379}"
    fi
    if [ -n "${POSTGRES_PORT-}" ] || { [ -z "${DATABASE_URL-}" ] && [ -r "$services/postgres-password" ]; }; then
        password=$(cat "$services/postgres-password" 2>/dev/null) || password=
        DATABASE_URL="postgresql://orderflow_app:$password@$host:${POSTGRES_PORT:-5432}/orderflow"
    fi
    if [ -n "${CONNECTIONS_PORT-}" ]; then CONNECTIONS_ENDPOINT="http://$host:$CONNECTIONS_PORT"; fi
    # The secret that the gateway asks of callers of its management API; `make services` has made it.
    secret=$services/connections-secret
    if [ -z "${CONNECTIONS_SECRET-}" ] && [ -r "$secret" ]; then
        CONNECTIONS_SECRET=$(cat "$secret")
        export CONNECTIONS_SECRET
    fi
    for name in REDIS_URL DATABASE_URL CONNECTIONS_ENDPOINT; do
        eval "url=\${$name-}"
        if [ -n "$url" ]; then
            export "$name=$(printf %s "$url" | sed -E "s#(//|@)(127\.0\.0\.1|localhost)([:/]|\$)#\1$host\3#")"
        else
            unset "$name"
        fi
    done
fi
exec "$sam" "$@"
