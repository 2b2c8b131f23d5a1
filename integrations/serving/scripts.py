"""Scripts that the serving store runs for us, each of them whole or not at all."""

from __future__ import annotations

from typing import Final

APPLY: Final = """
-- KEYS: how far each partition is. ARGV: partition, where it must be, where it will be, then steps, each as the
-- number of its words and the words.
local at = redis.call('HGET', KEYS[1], ARGV[1]) or ''
-- An answer that was lost on its way, asked for again.
if at == ARGV[3] then return 'applied' end
if at ~= ARGV[2] then return 'at:' .. at end
local i = 4
while i <= #ARGV do
  local words = tonumber(ARGV[i])
  if ARGV[i + 1] == 'ORPHAN' then
    local hash, aliases, ended, id, at_ms = unpack(ARGV, i + 2, i + 6)
    if redis.call('HEXISTS', hash, id) == 0 and redis.call('HEXISTS', aliases, id) == 0 then
      redis.call('ZADD', ended, at_ms, id)
    end
  else
    redis.call(unpack(ARGV, i + 1, i + words))
  end
  i = i + words + 1
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 'applied'
"""
"""Moves a partition on, with all that its records change; not where another has moved it, or it was lost."""

TRIM: Final = """
-- KEYS: a sorted set of ids by time. ARGV: the time, how many at most, the tenant's root, hashes and sets (joined by
-- commas) to take them from, and the hash of documents that name what goes with them, or nothing.
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
local root, documents = ARGV[3], ARGV[6]
for _, id in ipairs(ids) do
  local body = documents ~= '' and redis.call('HGET', root .. documents, id)
  local document = body and cjson.decode(body) or {}
  if documents == 'alerts' and document['incident_id'] then
    redis.call('ZREM', root .. 'of:' .. document['incident_id'], id)
  elseif documents == 'incidents' then
    for _, alias in ipairs(document['aliases'] or {}) do
      redis.call('HDEL', root .. 'aliases', alias)
      redis.call('DEL', root .. 'timeline:' .. alias, root .. 'of:' .. alias)
    end
    redis.call('DEL', root .. 'timeline:' .. id, root .. 'of:' .. id)
  end
  for name in string.gmatch(ARGV[4], '[^,]+') do redis.call('HDEL', root .. name, id) end
  for name in string.gmatch(ARGV[5], '[^,]+') do redis.call('ZREM', root .. name, id) end
end
return #ids
"""
"""Forgets what ended before a time, with all that was said of it; answers how many."""
