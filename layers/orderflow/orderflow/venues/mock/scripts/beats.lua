-- Shared by the scripts that keep the chain's clock: one message, the heartbeat, goes from the chain's timers to its
-- stream and back. In the timers there is never a second one, for it is the same member.
-- requires: deliver

-- Have the next heartbeat come. `interval` is the ms between two of them; 0: somebody advances the market by hand.
-- After a beat that made a slot the next one follows the last by an interval, so that slots don't drift; where the
-- clock was late by an interval or more, it goes on from now, and what was missed is not caught up.
local function keep_beating(slot, timers, wakes, stream, heartbeat, interval, has_beaten)
  if interval == 0 then
    return
  end
  local now = now_ms()
  if has_beaten then
    local last = tonumber(redis.call('HGET', slot, 'beat') or '0')
    local beat = math.abs(now - last) < 2 * interval and last + interval or now
    redis.call('HSET', slot, 'beat', beat)
    rest(timers, wakes, beat + interval, stream, 1, heartbeat)
  elseif not redis.call('ZSCORE', timers, stream .. ' 1 ' .. heartbeat) then
    rest(timers, wakes, now + interval, stream, 1, heartbeat)
  end
end
