-- Spend of the limits of accounts, for each of many calls: all that a call costs, or nothing of it.
-- It is the generic cell rate algorithm: of a limit only the time is kept at which all that was spent will be back. A
-- cost moves that time on by as long as it takes to come back; what would move it too far ahead is not spent.
-- KEYS: per call its limits, each once. Under each is that time, and the time at which that was written; nothing is
-- there when nothing is missing.
-- ARGV: the time, '' for that of the node; then per call how many limits it has, and per limit how long its cost takes
-- to come back, and how long the whole of it does. Times are in whole µs since 1970, durations in µs, at least 1.
-- Returns per call 1 (spent) or 0, then per limit how much is left, as the time in which that much comes back.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local function keep(key, back_at)
  redis.call('SET', key, string.format('%.0f %.0f', back_at, now), 'PX', math.ceil((back_at - now) / 1000))
end

-- Return when all that was spent of a limit is back. After a failover the clock may be behind the one by which that was
-- written: what was still missing then is missing now, and no more.
local function back_at_of(key)
  local back_at, written_at = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
  local ahead = (tonumber(written_at) or now) - now
  if ahead <= 0 then
    return math.max(tonumber(back_at) or now, now)
  end
  keep(key, back_at - ahead)
  return back_at - ahead
end

local outcome = {}
local k, a = 0, 1
while a < #ARGV do
  local limits = tonumber(ARGV[a + 1])
  local back_at, fits = {}, 1
  for l = 1, limits do
    back_at[l] = back_at_of(KEYS[k + l])
    if back_at[l] + ARGV[a + 2 * l] - now > tonumber(ARGV[a + 2 * l + 1]) then
      fits = 0
    end
  end
  outcome[#outcome + 1] = fits
  for l = 1, limits do
    if fits == 1 then
      back_at[l] = back_at[l] + ARGV[a + 2 * l]
      keep(KEYS[k + l], back_at[l])
    end
    outcome[#outcome + 1] = ARGV[a + 2 * l + 1] - (back_at[l] - now)
  end
  k, a = k + limits, a + 1 + 2 * limits
end
return outcome
