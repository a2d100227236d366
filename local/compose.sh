#!/bin/sh
# Brings local/compose.yaml up; where that fails, says which container did not come up and why, as docker knows it.
set -u
compose() { docker compose -f local/compose.yaml "$@"; }

if ! command -v docker >/dev/null; then
    echo "docker is not installed; make run needs none." >&2
    exit 1
fi
if ! docker compose version >/dev/null; then
    echo "docker has no Compose here: install its plugin; make run needs none." >&2
    exit 1
fi
if compose up --wait; then
    echo
    echo "Orderflow runs in docker at http://127.0.0.1:${PORT:-3000}, until: docker compose -f local/compose.yaml down"
    exit
fi

docker info >/dev/null 2>&1 || exit 1 # docker itself does not work, and has said why
say() { printf '%s\n' "$@" >&2; }
say "" "It did not come up; what docker says above is why, and what its containers say below."
for id in $(compose ps --all --quiet); do
    state=$(docker inspect --format \
        '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}} {{.State.ExitCode}}' "$id")
    case $state in
        "running healthy "* | "running  "* | "exited  0" | "exited healthy 0") continue ;;
    esac
    name=$(docker inspect --format '{{.Name}}' "$id")
    error=$(docker inspect --format '{{.State.Error}}' "$id")
    say "" "${name#/} is ${state% *} (exit code ${state##* })${error:+: $error}"
    case $error in
        *"already allocated"* | *"already in use"* | *"port"*"not available"*)
            say "Another program has port ${PORT:-3000}: stop it, or choose another one: make compose PORT=3001" ;;
    esac
    docker logs --tail 15 "$id" >&2
done
exit 1
