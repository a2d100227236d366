-- Have orders that have ended expire. First they stop counting for the connections that watch them: their last status
-- may be published after they have expired, or never.
-- KEYS: the prefix of the sets of the orders that a connection watches; then per order its hash, the hash of its
-- watchers, and the hash of those that left it. ARGV: after how many ms.
-- requires: watched
for i = 2, #KEYS, 3 do
  nobody_watches(KEYS[1], KEYS[i], KEYS[i + 1])
  for k = i, i + 2 do
    redis.call('PEXPIRE', KEYS[k], ARGV[1])
  end
end
