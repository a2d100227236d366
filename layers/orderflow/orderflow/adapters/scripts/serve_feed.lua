-- Process a run of entries about feeds in the partition that they lie in, and return what is to be sent to whom.
-- KEYS: the prefix of the sets of what a connection watches, timers, wakes, status stream; then per entry its feed's
-- stream of events, its state, the hash of its watchers, and the hash of those that left it.
-- ARGV: how many may watch a feed, how many events of it are kept, events in a piece, ms between two pieces, ms for
-- which a feed goes on without a watcher; then per entry: action, feed, connection or '', the entry's id or '', and
-- what comes with the action:
--   feed         first, last: events that were appended
--   subscribe    the sequence to resume from or '', the decision by which the feed is on, since when in each partition
--   unsubscribe
--   more, again  the subscription, and for `more` the sequence behind which its next piece begins
-- An unsubscription without an id, which is not from the stream, comes with the subscription that it is of.
-- Of a watcher is kept "subscription after at live": the entry by which it subscribed, behind which sequence its events
-- begin, up to which it has been sent pieces, and 1 once it gets what comes. Of one that left, the entry by which it
-- did. What comes again is answered as it was the first time.
-- Returns per entry nothing, or a kind and what belongs to it:
--   events       watchers as they are kept, sequence of the first, events
--   subscribed   after, latest sequence, sequence of the first, events
--   piece        after, sequence of the first, events
--   too old, ahead   oldest event's sequence, latest sequence; the connection has no subscription then
--   too many     how many may watch
--   off          the decision that nobody wants the feed
--   again        the entry has to be done again
-- An event is a step, or '' where events are missing.
-- requires: deliver, entry_ids
local SHARED_KEYS, SHARED_ARGV, ARGS, MOST_LEFT, MOST_PIECES = 4, 5, 7, 1000, 2
local most, kept, piece, pause, keep =
  tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local now = now_ms()

local function number(feed, field)
  return tonumber(redis.call('HGET', feed.state, field) or '0')
end

-- Return the sequence of the first event that is kept of these, and the events.
local function events(feed, first, last)
  local found, texts = last >= first and redis.call('XRANGE', feed.stream, first, last) or {}, {}
  for n, entry in ipairs(found) do
    texts[n] = entry[2][2]
  end
  return found[1] and tonumber(string.match(found[1][1], '^%d+')) or first, texts
end

-- Return the sequence of the oldest event from which on nothing is missing.
local function oldest(feed)
  local first, sequence = redis.call('XRANGE', feed.stream, '-', '+', 'COUNT', 1)[1], number(feed, 'sequence')
  local there = first and tonumber(string.match(first[1], '^%d+')) or sequence + 1
  return math.max(there, sequence + 1 - kept, number(feed, 'gap') + 1)
end

local function watcher(feed, connection)
  local subscription, after, at, live = string.match(
    redis.call('HGET', feed.watchers, connection) or '', '^(%S+) (%d+) (%d+) (%d)$'
  )
  return subscription, tonumber(after), tonumber(at), live == '1'
end

local function begin_idling(feed)
  if redis.call('HLEN', feed.watchers) == 0 then
    redis.call('HSET', feed.state, 'idle', now, 'idle_at', number(feed, 'sent'))
    redis.call('PEXPIRE', feed.stream, keep)
  end
end

local function leave(feed, connection, id)
  if redis.call('HDEL', feed.watchers, connection) == 1 then
    begin_idling(feed)
  end
  if redis.call('HLEN', feed.left) >= MOST_LEFT then
    redis.call('DEL', feed.left) -- an entry that comes again later may add a watcher that is gone
  end
  redis.call('HSET', feed.left, connection, id)
  redis.call('PEXPIRE', feed.left, keep)
end

local function note(feed, connection, subscription, after, at, live)
  local kept_of_it = string.format('%s %.0f %.0f %d', subscription, after, at, live and 1 or 0)
  redis.call('HSET', feed.watchers, connection, kept_of_it)
end

-- Move a watcher on to `at`; one that lacks events after that gets its next piece in a while, so that it can read.
local function move_on(feed, connection, subscription, after, at)
  local live = at >= number(feed, 'sent')
  note(feed, connection, subscription, after, at, live)
  if not live then
    rest(KEYS[2], KEYS[3], now + pause, 'status', 1, cjson.encode({
      order_id = feed.name, action = 'more', connection_id = connection, subscription = subscription,
      after = string.format('%.0f', at)
    }))
  end
end

-- Give the place of what may be missing a sequence of its own, when some partition's events have not always come here.
local function note_gaps(feed, gaps)
  local known = redis.call('HGET', feed.state, 'gaps')
  redis.call('HSET', feed.state, 'gaps', gaps)
  if not known or known == gaps then
    return
  end
  local gap = redis.call('HINCRBY', feed.state, 'sequence', 1)
  redis.call('XADD', feed.stream, gap .. '-0', 'event', '')
  redis.call('HSET', feed.state, 'gap', gap)
  if redis.call('HLEN', feed.watchers) == 0 then
    redis.call('HSET', feed.state, 'sent', gap)
  else
    redis.call('XADD', KEYS[4], '*', 'order_id', feed.name, 'action', 'feed', 'first', gap, 'last', gap)
  end
end

local function refuse(feed, connection, subscription, kind, ...)
  redis.call('SREM', KEYS[1] .. connection, feed.name)
  if subscription then
    leave(feed, connection, subscription)
  end
  return {kind, ...}
end

local function subscribe(feed, connection, id, resume, decision, gaps)
  local subscription, after, at = watcher(feed, connection)
  local acted = subscription or redis.call('HGET', feed.left, connection)
  local sent = number(feed, 'sent')
  if acted and not earlier(acted, id) then
    if subscription ~= id then
      return {}
    end
    local to = math.min(after + piece, at)
    return {'subscribed', after, resume == '' and after or sent, events(feed, after + 1, to)}
  end
  if number(feed, 'version') ~= tonumber(decision) then
    return {'again'} -- it was decided anew meanwhile, perhaps that nobody wants the feed
  end
  note_gaps(feed, gaps)
  sent = number(feed, 'sent')
  local from, first = resume == '' and sent or tonumber(resume), oldest(feed)
  if from > sent then
    return refuse(feed, connection, subscription, 'ahead', first, sent)
  elseif from < sent and from < first - 1 then
    return refuse(feed, connection, subscription, 'too old', first, sent)
  elseif not subscription and redis.call('HLEN', feed.watchers) >= most then
    return refuse(feed, connection, subscription, 'too many', most)
  end
  local to = math.min(from + piece, sent)
  redis.call('HDEL', feed.left, connection)
  redis.call('PERSIST', feed.stream)
  move_on(feed, connection, id, from, to)
  return {'subscribed', from, sent, events(feed, from + 1, to)}
end

local function unsubscribe(feed, connection, id, of)
  local subscription = watcher(feed, connection)
  local acted = subscription or redis.call('HGET', feed.left, connection)
  if id ~= '' and not (acted and earlier(id, acted)) then
    leave(feed, connection, id)
  elseif id == '' and subscription == of then
    refuse(feed, connection, subscription)
  end
  return {}
end

local function send_piece(feed, connection, subscription, from)
  local current, after, at, live = watcher(feed, connection)
  local sent = number(feed, 'sent')
  if current ~= subscription or at < from or (live and at == from) then
    return {}
  end
  local to = math.min(from + piece, at > from and at or sent)
  local _, texts = events(feed, from + 1, to)
  if #texts < to - from then
    return refuse(feed, connection, subscription, 'too old', oldest(feed), sent)
  end
  if at == from then
    move_on(feed, connection, subscription, after, to)
  end
  return {'piece', after, from + 1, texts}
end

-- Have a watcher get again what is kept for it; the gateway knows what of that it has had.
local function again(feed, connection, subscription)
  local current, after = watcher(feed, connection)
  if current ~= subscription then
    return {}
  end
  local from = math.min(math.max(after, oldest(feed) - 1), number(feed, 'sent'))
  note(feed, connection, subscription, after, from, false)
  return send_piece(feed, connection, subscription, from)
end

-- Leave it to pieces to send events from `first` on: so many at once would fill a client's queue.
local function send_later(feed, watchers, first)
  for i = 1, #watchers, 2 do
    local subscription, after, at, live = watcher(feed, watchers[i])
    if live then
      move_on(feed, watchers[i], subscription, after, math.max(at, first - 1))
    end
  end
  return {}
end

local at_once = 0 -- events of this run

local function pass_on(feed, first, last)
  local sent = number(feed, 'sent')
  -- What lies between is in the hands of somebody who is late; what is sent here is what has come here.
  first = math.min(first, sent + 1)
  if last > sent then
    redis.call('HSET', feed.state, 'sent', last)
  end
  local watchers = redis.call('HGETALL', feed.watchers)
  if #watchers > 0 then
    at_once = at_once + last - first + 1
    if at_once > MOST_PIECES * piece then
      return send_later(feed, watchers, first)
    end
    return {'events', watchers, events(feed, first, last)}
  end
  if now - number(feed, 'idle') > keep or last - number(feed, 'idle_at') > kept then
    redis.call('DEL', feed.stream) -- nobody can resume from there any more
    return {'off', redis.call('HINCRBY', feed.state, 'version', 1)}
  end
  return {}
end

local replies = {}
for k = SHARED_KEYS + 1, #KEYS, 4 do
  local n = (k - SHARED_KEYS + 3) / 4
  local a = SHARED_ARGV + (n - 1) * ARGS
  local action, name, connection, id, x, y, z = unpack(ARGV, a + 1, a + ARGS)
  local feed = {name = name, stream = KEYS[k], state = KEYS[k + 1], watchers = KEYS[k + 2], left = KEYS[k + 3]}
  if action == 'feed' then
    replies[n] = pass_on(feed, tonumber(x), tonumber(y))
  elseif action == 'subscribe' then
    replies[n] = subscribe(feed, connection, id, x, y, z)
  elseif action == 'unsubscribe' then
    replies[n] = unsubscribe(feed, connection, id, x)
  elseif action == 'more' then
    replies[n] = send_piece(feed, connection, x, tonumber(y))
  elseif action == 'again' then
    replies[n] = again(feed, connection, x)
  end
end
return replies
