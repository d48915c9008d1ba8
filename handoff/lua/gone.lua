-- Remove the agents who were not heard of for too long, or one by name, and tell who they were.
--
-- KEYS[1] presence   KEYS[2] seen
-- ARGV[1] seen before this (ms) is gone   ARGV[2] an agent id to remove in any case, or ''
-- Returns their ids. Each is returned to one caller only; what they held is the caller's to settle by SQL.
-- Invariant: whoever has a presence has been seen.
local ids = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1])
if ARGV[2] ~= '' and redis.call('ZSCORE', KEYS[2], ARGV[2]) then
  ids[#ids + 1] = ARGV[2]
end
for _, id in ipairs(ids) do
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
return ids
