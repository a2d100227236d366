-- Shared by the scripts that read the status stream: which accounts' feeds its events belong into.
-- Of a feed that somebody has subscribed to, the hash `feeds` says "on" or "off", by which decision (a number that
-- rises) and since which one nothing was missed (see flag_feed). Where nobody ever subscribed there is no such hash.
-- requires: entry_ids
local FEED = 'orders:'

-- Return the entries before `first` that some reader of the group still has in hand: it lost its lease, or died.
local function in_hand_before(status, group, first)
  local oldest = redis.call('XPENDING', status, group)[2]
  return oldest and earlier(oldest, first) and redis.call('XRANGE', status, oldest, '(' .. first) or {}
end

local function is_followed(feeds, account)
  local state = redis.call('HGET', feeds, FEED .. account)
  if state and string.find(state, '^off') then
    redis.call('HDEL', feeds, FEED .. account) -- from here on something is missing in it
    return false
  end
  return state
end

-- Return those of these accounts that are followed, and the entries before `first` that must go into feeds before it.
local function followed(feeds, status, group, first, accounts)
  local found = {}
  for account in string.gmatch(accounts, '%S+') do
    found[#found + 1] = is_followed(feeds, account) and account or nil
  end
  return {found, #found > 0 and in_hand_before(status, group, first) or {}}
end
