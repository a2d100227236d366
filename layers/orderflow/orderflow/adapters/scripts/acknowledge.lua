-- Acknowledge records for one group, and remove from the stream what every group is done with.
-- KEYS: stream. ARGV: group, then the record ids.
-- requires: trim
redis.call('XACK', KEYS[1], unpack(ARGV))
trim(KEYS[1])
