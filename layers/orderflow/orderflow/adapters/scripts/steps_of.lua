-- Shared by the scripts that read orders: an order is what is kept of its steps, each laid over those before.
-- Returns the documents of an order as it was after step `sequence`, the first one first; none where it has left Redis.
local function steps_of(order_key, sequence)
  local fields = {'order'} -- the release before kept an order whole
  for n = 1, sequence do
    fields[n + 1] = 'step:' .. n
  end
  local steps = {}
  for _, step in ipairs(redis.call('HMGET', order_key, unpack(fields))) do
    if step then
      steps[#steps + 1] = step
    end
  end
  return steps
end
