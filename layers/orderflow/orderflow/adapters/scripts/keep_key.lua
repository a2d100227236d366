-- Keep an API key as it was read from Postgres, unless a newer version is kept, or the same one read later.
-- KEYS: the copy.
-- ARGV: the key, its version, when it was read ('': now), the ms for which a copy is kept after that.
-- Returns the key that is kept now. One that was read before that time is over is not kept.
-- requires: time
local version, read_at = tonumber(ARGV[2]), tonumber(ARGV[3]) or now_ms()
local kept = redis.call('HMGET', KEYS[1], 'key', 'version', 'read_at')
if kept[1] then
  local kept_version = tonumber(kept[2])
  if kept_version > version or (kept_version == version and tonumber(kept[3]) >= read_at) then
    return kept[1]
  end
end
redis.call('HSET', KEYS[1], 'key', ARGV[1], 'version', version, 'read_at', read_at)
redis.call('PEXPIREAT', KEYS[1], read_at + tonumber(ARGV[4]))
return ARGV[1]
