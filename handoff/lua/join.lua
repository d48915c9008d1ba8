-- Put a handoff into its team's line, once.
--
-- KEYS[1] waiting line of the team   KEYS[2] origin
-- ARGV[1] handoff id   ARGV[2] score   ARGV[3] team id
-- Returns the number strictly ahead, or -1 when the id was known already (waiting, offered or active):
-- then nothing changes.
-- Invariant: an id is in exactly one of waiting, offered, active, and origin knows it.
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then
  return -1
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
return redis.call('ZRANK', KEYS[1], ARGV[1])
