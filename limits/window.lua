-- Decides one call against every policy of a key at once, or gives an account of them (cost 0). The rule is that of
-- limits/window.h: no more than `limit` units in any trailing `length`, exactly, on this server's clock.
--
-- KEYS[i]  the list of policy i: one entry a unit, oldest left. All keys of a call share one hash tag.
-- ARGV     cost, limit and length (ms) of each policy; then, in tests only, the time (ms) in place of TIME. A policy of
--          cost 0 is shown and neither refuses nor is spent.
-- Returns  {1 admitted | 0 refused, entry}, then for each policy: remaining, ms until the next unit becomes free (0 if
--          nothing is spent), ms until this very cost would be admitted. `entry` is what a unit of this call looks
--          like in the lists, so that LREM can give it back.
--
-- An entry is its time in ms modulo 2^32, as a signed number: 6 bytes in the list instead of 10. It is told apart by
-- its distance from now: units are at most two windows old (trimmed at each call, and the key expires with its last
-- unit), a window is at most 24 days, so 2^32 ms (49.7 days) leave 1.7 days for a clock that was set back.
local CYCLE = 4294967296
local AHEAD = CYCLE - 2 * 24 * 86400000
-- How many entries one RPUSH carries: unpack() must fit Lua's stack.
local CHUNK = 1000
-- Real time means nothing to the lists of a test that brings its own.
local TEST_EXPIRY_MS = 3600000

local policies = #KEYS
local given = ARGV[3 * policies + 1]

-- Rounded down when asking and up when spending: rounding only delays.
local now, stamp
if given then
  now = tonumber(given)
  stamp = now
else
  local time = redis.call('TIME')
  local seconds, micros = tonumber(time[1]), tonumber(time[2])
  now = seconds * 1000 + math.floor(micros / 1000)
  stamp = seconds * 1000 + math.ceil(micros / 1000)
end

local function time_of(entry)
  local distance = (tonumber(entry) - now) % CYCLE
  if distance > AHEAD then distance = distance - CYCLE end
  return now + distance
end

local function time_at(key, index)
  return time_of(redis.call('LINDEX', key, index))
end

-- Units at the left whose time is `gone` or before, of which there is one at least. After a pause found by galloping,
-- so that a large window costs no call for each unit. (An index is cheaper as text: Redis formats numbers slowly.)
local function expired(key, count, gone)
  local low, step = 0, 1
  while low + step < count and time_at(key, low + step) <= gone do
    low = low + step
    step = step * 2
  end
  local high = math.min(low + step, count)
  while high - low > 1 do
    local middle = math.floor((low + high) / 2)
    if time_at(key, middle) <= gone then low = middle else high = middle end
  end
  return high
end

local admitted, is_spending = true, false
local counts, costs, limits, lengths, firsts = {}, {}, {}, {}, {}
for i = 1, policies do
  local key = KEYS[i]
  local cost, limit, length = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local count, first = 0, nil
  local oldest = redis.call('LINDEX', key, '0')
  if oldest then
    count = redis.call('LLEN', key)
    first = time_of(oldest)
    if first <= now - length then
      local gone = expired(key, count, now - length)
      if gone == 1 then
        redis.call('LPOP', key)
      else
        redis.call('LTRIM', key, gone, '-1')
      end
      count = count - gone
      first = count > 0 and time_at(key, '0') or nil
    end
  end
  if cost > 0 then
    is_spending = true
    if count + cost > limit then admitted = false end
  end
  counts[i], costs[i], limits[i], lengths[i], firsts[i] = count, cost, limit, length, first
end

is_spending = is_spending and admitted
if is_spending then
  -- A clock that was set back frees nothing early: what is spent then counts from the newest unit's time.
  for i = 1, policies do
    if costs[i] > 0 and counts[i] > 0 then stamp = math.max(stamp, time_at(KEYS[i], '-1')) end
  end
end
local entry = stamp % CYCLE
if entry >= CYCLE / 2 then entry = entry - CYCLE end

if is_spending then
  local text = string.format('%d', entry)
  local units = {}
  for i = 1, policies do
    local left = costs[i]
    for unit = #units + 1, math.min(left, CHUNK) do units[unit] = text end
    while left > 0 do
      local pushed = math.min(left, CHUNK)
      redis.call('RPUSH', KEYS[i], unpack(units, 1, pushed))
      left = left - pushed
    end
    if costs[i] > 0 then
      -- On a slow machine the window of a new unit may already be over: then this deletes the list, and rightly so.
      if given then
        redis.call('PEXPIRE', KEYS[i], TEST_EXPIRY_MS)
      else
        redis.call('PEXPIREAT', KEYS[i], string.format('%.0f', stamp + lengths[i]))
      end
      counts[i] = counts[i] + costs[i]
      firsts[i] = firsts[i] or stamp
    end
  end
end

local answer = {admitted and 1 or 0, entry}
for i = 1, policies do
  local count, cost, limit, length = counts[i], costs[i], limits[i], lengths[i]
  local reset, retry = 0, 0
  if count > 0 then reset = firsts[i] + length - now end
  if not admitted and cost > 0 then
    local must_leave = count - (limit - cost)
    if cost > limit then
      retry = length
    elseif must_leave == 1 then
      retry = reset
    elseif must_leave > 1 then
      retry = time_at(KEYS[i], must_leave - 1) + length - now
    end
  end
  answer[3 * i] = math.max(limit - count, 0)
  answer[3 * i + 1] = reset
  answer[3 * i + 2] = retry
end
return answer
