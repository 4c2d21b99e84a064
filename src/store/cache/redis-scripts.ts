/** The clock: `epoch tick`. The epoch is random and changes when the clock was lost; the tick only rises. */
export interface RedisClock {
  readonly epoch: string;
  readonly tick: number;
}

export const CLOCK_KEY = 'mplp:clock';

/** @returns `undefined` for anything that is no clock. */
export function parseClock(text: unknown): RedisClock | undefined {
  const match = typeof text === 'string' ? /^([0-9a-f]{16}) (\d{1,15})$/.exec(text) : null;
  return match === null ? undefined : { epoch: match[1] ?? '', tick: Number(match[2]) };
}

/** KEYS: clock. ARGV: an epoch for a new clock. Returns the clock, a tick later; what is no clock is replaced by one. */
export const TICK = `
local clock = redis.pcall('GET', KEYS[1])
local epoch, tick
if type(clock) == 'string' then epoch, tick = string.match(clock, '^([0-9a-f]+) (%d+)$') end
if not epoch or #epoch ~= 16 or #tick > 14 then epoch = ARGV[1]; tick = 0 end
clock = epoch .. ' ' .. string.format('%.0f', tonumber(tick) + 1)
redis.call('SET', KEYS[1], clock)
return clock`;

/**
 * KEYS: entry, clock. What is there is kept when it is of this epoch and newer: loaded at a later tick, or at the same one
 * with an order at least as high.
 */
const COMPARE = `
local clock = redis.pcall('GET', KEYS[2])
local epoch, now
if type(clock) == 'string' then epoch, now = string.match(clock, '^(%x+) (%d+)$') end
if not epoch then return 0 end
local function newer(tick, order)
  local head = redis.pcall('GETRANGE', KEYS[1], 0, 127)
  if type(head) ~= 'string' then return false end
  local e, t, o = string.match(head, '^1 (%x+) (%d+) (%d+) ')
  if e ~= epoch then return false end
  t = tonumber(t)
  return t > tick or (t == tick and tonumber(o) >= order)
end`;

/** ARGV: epoch and tick before the load, order, milliseconds to live, the entry. */
export const FILL = `${COMPARE}
local tick, order = tonumber(ARGV[2]), tonumber(ARGV[3])
if epoch ~= ARGV[1] or tick > tonumber(now) or newer(tick, order) then return 0 end
redis.call('SET', KEYS[1], ARGV[5], 'PX', ARGV[4])
return 1`;

/** ARGV: order, milliseconds to live. */
export const BURY = `${COMPARE}
if newer(tonumber(now), tonumber(ARGV[1])) then return 0 end
redis.call('SET', KEYS[1], '1 ' .. epoch .. ' ' .. now .. ' ' .. ARGV[1] .. ' -\\n', 'PX', ARGV[2])
return 1`;

/**
 * The same for a row that came or went, whose versions begin again. The clock ticks: what is loaded from then on is of
 * the row that is there now. Returns the clock.
 */
export const BURY_ROW = `${COMPARE}
redis.call('SET', KEYS[1], '1 ' .. epoch .. ' ' .. now .. ' ' .. ARGV[1] .. ' -\\n', 'PX', ARGV[2])
clock = epoch .. ' ' .. string.format('%.0f', tonumber(now) + 1)
redis.call('SET', KEYS[2], clock)
return clock`;
