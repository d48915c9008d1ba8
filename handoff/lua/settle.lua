-- Put a handoff where SQL says it is, from wherever it was: the second half of every change of state, the
-- repair of the reconciler, and the brick of a rebuild. Settling twice is harmless.
--
-- KEYS[1] waiting line of the team wanted   KEYS[2] waiting line of the team that origin names (or KEYS[1])
-- KEYS[3] offered   KEYS[4] active   KEYS[5] holder   KEYS[6] origin   KEYS[7] load
-- ARGV[1] handoff id   ARGV[2] waiting, active or none   ARGV[3] team id wanted   ARGV[4] score
-- ARGV[5] agent id (active)   ARGV[6] accepted at (ms, active)   ARGV[7] team id of KEYS[2]
-- Returns {where it was: waiting, offered, active or none; its holder or ''}, or {'moved', team} and changes
-- nothing when origin names another team than ARGV[7]: call again with that team's line.
-- Invariant: an id is in exactly one of waiting, offered, active (in none after `none`); load counts exactly
-- the ids that holder names.
local origin = redis.call('HGET', KEYS[6], ARGV[1])
if origin then
  local team = string.match(origin, '^%S+ (.*)$')
  if team ~= ARGV[7] then
    return { 'moved', team }
  end
end
local was = 'none'
local held = redis.call('HGET', KEYS[5], ARGV[1]) or ''
if redis.call('ZREM', KEYS[2], ARGV[1]) + redis.call('ZREM', KEYS[1], ARGV[1]) > 0 then
  was = 'waiting'
end
if redis.call('ZREM', KEYS[3], ARGV[1]) > 0 then
  was = 'offered'
end
if redis.call('ZREM', KEYS[4], ARGV[1]) > 0 then
  was = 'active'
end
if held ~= '' then
  redis.call('HDEL', KEYS[5], ARGV[1])
  if redis.call('HINCRBY', KEYS[7], held, -1) <= 0 then
    redis.call('HDEL', KEYS[7], held)
  end
end
if ARGV[2] == 'none' then
  redis.call('HDEL', KEYS[6], ARGV[1])
  return { was, held }
end
redis.call('HSET', KEYS[6], ARGV[1], ARGV[4] .. ' ' .. ARGV[3])
if ARGV[2] == 'waiting' then
  redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
else
  redis.call('ZADD', KEYS[4], ARGV[6], ARGV[1])
  redis.call('HSET', KEYS[5], ARGV[1], ARGV[5])
  redis.call('HINCRBY', KEYS[7], ARGV[5], 1)
end
return { was, held }
