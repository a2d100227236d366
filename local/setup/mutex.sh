# For scripts that must not do the same at the same time: . local/setup/mutex.sh; acquire MUTEX "what is done"
# MUTEX is a link that names the process that holds it. Not flock, which macOS lacks. A holder that died has lost it.

# Print which process a number stands for: the number and when it started, since numbers come again. On Linux the start
# is in ticks since the machine's: the date that ps makes of it is now a second earlier, now a second later.
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

# Return as the holder of MUTEX, which is released when this shell exits; print once which process holds it until then.
acquire() {
    mutex=$1
    announced=
    trap 'exit 130' INT TERM HUP
    until ln -s "$(identity $$)" "$mutex" 2>/dev/null; do
        holder=$(readlink "$mutex" || true)
        if [ -n "$holder" ] && ! alive "$holder"; then
            remove_stale
        elif [ -n "$holder" ]; then
            [ -n "$announced" ] || echo "Process ${holder%% *} is $2; waiting for it …"
            announced=yes
            sleep 0.2
        fi
    done
    trap 'rm -f "$mutex"' EXIT
}

# Remove the mutex of a dead process: one shell at a time, which looks again, so that no new mutex of another process is
# removed. While a dead one's is there nobody can make another; where there is none, one may be made at any moment.
remove_stale() {
    if mkdir "$mutex.stale" 2>/dev/null; then
        holder=$(readlink "$mutex" || true)
        if [ -n "$holder" ] && ! alive "$holder"; then rm -f "$mutex"; fi
        rmdir "$mutex.stale"
    else
        find "$mutex.stale" -prune -mmin +1 -exec rmdir {} \; 2>/dev/null || true # of a shell that died in between
        sleep 0.2
    fi
}
