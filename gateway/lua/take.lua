-- Take tokens from a bucket.
-- KEYS[1]  hash {level, at}: tokens left and when that was true (ms)
-- ARGV[1]  burst (tokens)   ARGV[2] regained per second   ARGV[3] now (ms)   ARGV[4] tokens wanted
-- Returns  0 when taken, else the milliseconds until enough are there.
-- Invariant: 0 <= level <= burst; the key lives no longer than it takes to fill up.
local burst, per_s, now, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local state = redis.call('HMGET', KEYS[1], 'level', 'at')
local level, at = tonumber(state[1]) or burst, tonumber(state[2]) or now
level = math.min(burst, level + math.max(0, now - at) / 1000 * per_s)
local wait = 0
if level >= wanted then level = math.min(burst, level - wanted) else wait = math.ceil((wanted - level) / per_s * 1000) end
redis.call('HSET', KEYS[1], 'level', level, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / per_s * 1000) + 1000)
return wait
