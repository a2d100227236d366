-- Look what a heartbeat that has come has to do. Where it makes no slot, the next one is to come.
-- KEYS: slot, timers, wakes, ticks. ARGV: transaction stream's name, heartbeat, ms between two beats (0: by hand), most
-- ticks that may wait to be read.
-- Returns the number of the last demand for the clock, and 1 where this beat makes a slot: not so soon after the last
-- one that it must be a second heartbeat, and not while those who read the ticks are far behind.
-- requires: beats
local ticks, demand, last = unpack(redis.call('HMGET', KEYS[1], 'ticks', 'demand', 'beat'))
demand = tonumber(demand or '0')
if not ticks then
  return {demand, 0}
end
local interval = tonumber(ARGV[3])
local apart = math.abs(now_ms() - tonumber(last or '0'))
if interval > 0 and 2 * apart >= interval and redis.call('XLEN', KEYS[4]) <= tonumber(ARGV[4]) then
  return {demand, 1}
end
keep_beating(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], interval, false)
return {demand, 0}
