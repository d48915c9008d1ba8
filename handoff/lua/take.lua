-- Admit an agent to a waiting handoff: lease it to them until SQL has decided.
--
-- KEYS[1] waiting line of the team   KEYS[2] offered   KEYS[3] holder   KEYS[4] load
-- KEYS[5] presence   KEYS[6] seen
-- ARGV[1] handoff id   ARGV[2] agent id   ARGV[3] lease until (ms)   ARGV[4] seen at least (ms)
-- Returns taken; yours (this agent holds it already); gone (not in this line); full (at capacity);
-- offline (not online, or not heard of since ARGV[4]). Only `taken` changes anything.
-- Invariant: nobody is admitted above their capacity; load counts exactly the ids that holder names.
local holder = redis.call('HGET', KEYS[3], ARGV[1])
if holder then
  return holder == ARGV[2] and 'yours' or 'gone'
end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return 'gone'
end
local seen = redis.call('ZSCORE', KEYS[6], ARGV[2])
local raw = redis.call('HGET', KEYS[5], ARGV[2])
if not seen or tonumber(seen) < tonumber(ARGV[4]) or not raw then
  return 'offline'
end
local presence = cjson.decode(raw)
if presence.status ~= 'online' and presence.status ~= 'busy' then
  return 'offline'
end
if tonumber(redis.call('HGET', KEYS[4], ARGV[2]) or '0') >= presence.capacity then
  return 'full'
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[4], ARGV[2], 1)
return 'taken'
