# For scripts that must not do the same at the same time: . local/setup/hold.sh; hold LOCK "what is done"
# LOCK is a link that names its holder. Not flock, which macOS lacks. A holder that died without letting go has lost it.

# Say which process a number stands for; its start tells it from a later one with the same number. On Linux that is in
# ticks since the machine's start: the date that ps makes of it is now a second earlier, now a second later.
identity() {
    if [ -e /proc/self/stat ]; then
        echo "$1 $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20)"
    else
        echo "$1 $(LC_ALL=C TZ=UTC0 ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' '_')"
    fi
}

alive() {
    [ -n "$1" ] && [ "$(identity "${1%% *}")" = "$1" ] && kill -0 "${1%% *}" 2>/dev/null
}

# Return as the holder of LOCK, which is let go of when this shell exits; say once whom it waits for.
hold() {
    held=$1
    told=
    trap 'exit 130' INT TERM HUP
    until ln -s "$(identity $$)" "$held" 2>/dev/null; do
        holder=$(readlink "$held" || true)
        if [ -n "$holder" ] && ! alive "$holder"; then
            drop_dead
        elif [ -n "$holder" ]; then
            [ -n "$told" ] || echo "Process ${holder%% *} is $2; waiting for it …"
            told=yes
            sleep 0.2
        fi
    done
    trap 'rm -f "$held"' EXIT
}

# Remove the lock of a dead process: one shell at a time, which looks again, so that no other's new lock is removed. While
# a dead one's is there nobody can make another; where there is none, one may be made at any moment.
drop_dead() {
    if mkdir "$held.stale" 2>/dev/null; then
        holder=$(readlink "$held" || true)
        if [ -n "$holder" ] && ! alive "$holder"; then rm -f "$held"; fi
        rmdir "$held.stale"
    else
        find "$held.stale" -prune -mmin +1 -exec rmdir {} \; 2>/dev/null || true # of a shell that died in between
        sleep 0.2
    fi
}
