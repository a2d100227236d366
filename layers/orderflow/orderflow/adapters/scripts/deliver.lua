-- Shared by the scripts that send messages: a message goes to its stream at once, or rests in the timer set until due.
-- Its `order` names an order and how many of its steps it has, as `id sequence`: its hash has the steps, each once.
-- What is for another partition, waits without being an order, or is an order that has ended, is JSON there, as all
-- orders were in the release before.
-- Among the keys are the partition's timer set and `wakes`, the stream that wakes its poller for an earlier entry than
-- before. (The release before had a list for that, `wake`; its pollers look at the timers twice a second anyway.)
-- requires: time, books, steps_of

local function rest(timers, wakes, due, stream, attempt, order)
  redis.call('ZADD', timers, due, stream .. ' ' .. attempt .. ' ' .. order)
  local first = redis.call('ZRANGE', timers, 0, 0, 'WITHSCORES')
  if tonumber(first[2]) >= due then
    redis.call('XADD', wakes, 'MAXLEN', 1, '*', 'due', due)
  end
end

local function deliver(timers, wakes, stream_key, stream, delay_ms, attempt, order)
  if delay_ms > 0 then
    rest(timers, wakes, now_ms() + delay_ms, stream, attempt, order)
  else
    redis.call('XADD', stream_key, '*', 'attempt', attempt, 'order', order)
  end
end

local RESTS = {open = true, partially_filled = true}
local ON_ITS_WAY = {routing = true, building = true, submitted = true} -- `triggered` enters anew
local ENDS = {confirmed = true, failed = true, cancelled = true, expired = true}
local STALE, TAKEN, ENDING = 0, 1, 2

-- Return what a message holds as its order. One that has ended leaves Redis soon after it was recorded, maybe before
-- its message is read, so that message has all of it.
local function order_text(order_key, id, sequence, status)
  if not ENDS[status] then
    return id .. ' ' .. sequence
  end
  local members = {}
  for _, step in ipairs(steps_of(order_key, tonumber(sequence))) do
    if step then
      members[#members + 1] = string.sub(step, 2, -2) -- without its braces
    end
  end
  return '{' .. table.concat(members, ',') .. '}'
end

-- Take one step of an order, if it is still at the step before; return 1 when taken and 0 when stale.
-- `book` says how the order rests or fires (see books), '' when it does neither; leaving its books is part of any step.
-- `child` is an order to create with it, as `id stream first-step`, or ''.
-- Returns 2 when the step would have the order wait or go again, and its end was requested meanwhile.
local function transition(
  timers, wakes, status_key, stream_key, order_key, stream, id, sequence, status, step, delay_ms, book, child
)
  local current, books, ending, expires, marks, fired, account = unpack(
    redis.call('HMGET', order_key, 'sequence', 'books', 'ending', 'expires', 'marks', 'fired', 'account')
  )
  if tonumber(current or '0') ~= tonumber(sequence) - 1 then
    return STALE
  end
  if ending and (status == 'open' or status == 'triggered') then
    return ENDING
  end
  local prefix = string.match(order_key, '^{.-}:')
  if books then
    leave_books(prefix, order_key, id, books)
  end
  if fired and not ON_ITS_WAY[status] then
    leave_fired(prefix, order_key, fired)
  end
  if expires and ENDS[status] then
    redis.call('ZREM', prefix .. 'expiries', id .. ' 1')
  end
  redis.call('HSET', order_key, 'sequence', sequence, 'status', status, 'step:' .. sequence, step)
  if tonumber(sequence) == 1 then
    account = string.match(step, '"account":"([^"]+)"')
    if account then
      redis.call('HSET', order_key, 'account', account) -- for the scripts that are asked for it; none is `local`
    end
  end
  if RESTS[status] then
    enter_books(prefix, order_key, id, book)
    -- Of what was noted the watermark holds from one rest to the next: it may have risen since the step was decided.
    local watermark = marks and string.match(marks, '"watermark":[^,}]+')
    if watermark then
      local slot = string.match(marks, '"slot":%d+') or '"slot":-1'
      local decided_with = string.match(step, '"watermark":[^,}]+') or watermark
      local kept = '{' .. decided_with .. ',' .. slot .. '}'
      redis.call('HSET', order_key, 'marks', kept)
      raise_watermark(prefix, order_key, id, kept, marks)
    end
  end
  if status == 'triggered' then
    enter_fired(prefix, order_key, book)
  end
  local entry = {'XADD', status_key, '*', 'order_id', id, 'sequence', sequence, 'status', status, 'event', step}
  if account then
    entry[#entry + 1], entry[#entry + 2] = 'account', account -- whose feed it belongs into, without a look at the order
  end
  redis.call(unpack(entry))
  if stream ~= '' then
    local text = order_text(order_key, id, sequence, status)
    deliver(timers, wakes, stream_key, stream, tonumber(delay_ms), 1, text)
  end
  if child ~= '' then
    local child_id, child_stream, first_step = string.match(child, '^(%S+) (%S+) (.*)$')
    transition(timers, wakes, status_key, prefix .. child_stream, prefix .. 'order:' .. child_id, child_stream,
      child_id, 1, 'pending', first_step, 0, '', '')
  end
  return TAKEN
end
