import type { Random } from './random.js';

/** The window the generated spans are aimed at. Its edges are among the times they have. */
export const spanWindow = {
  minTimeUnixNano: BigInt(Date.UTC(2016, 0, 1)) * 1_000_000n,
  maxTimeUnixNano: BigInt(Date.UTC(2030, 0, 1)) * 1_000_000n,
};

const two = (value: number): string => String(value).padStart(2, '0');
const digits = (random: Random, count: number): string =>
  Array.from({ length: count }, () => random.below(10)).join('');

/** A time that the schema and the window accept, spelled in one of the many ways RFC 3339 has. */
export function validTime(random: Random): string {
  const month = 1 + random.below(12);
  const date = `${2017 + random.below(12)}-${two(month)}-${two(1 + random.below(28))}`;
  const time = `${two(random.below(24))}:${two(random.below(60))}:${two(random.below(60))}`;
  if (random.chance(0.5)) return `${date}T${time}.${digits(random, 3)}Z`;
  const separator = random.pick(['T', 'T', 't', ' ']);
  const fraction = random.chance(0.3) ? '' : `.${digits(random, 1 + random.below(12))}`;
  const offset = `${random.pick(['+', '-'])}${two(random.below(24))}`;
  const zone = random.pick([
    'Z',
    'Z',
    'z',
    offset,
    `${offset}${two(random.below(60))}`,
    `${offset}:${two(random.below(60))}`,
  ]);
  return `${date}${separator}${time}${fraction}${zone}`;
}

/** Times at the edges of the window; valid for the format. */
const EDGES = [
  '2016-01-01T00:00:00Z',
  '2016-01-01T00:00:00.000000000Z',
  '2015-12-31T23:59:59.999999999Z',
  '2015-12-31T23:59:59.9999999999Z',
  '2015-12-31T23:59:60Z',
  '2015-12-31T22:59:60-01:00',
  '2016-01-01T00:59:60+01:00',
  '2030-01-01T00:00:00Z',
  '2030-01-01T00:00:00.0000000009Z',
  '2030-01-01T00:00:00.000000001Z',
  '2029-12-31T23:59:60Z',
  '2029-12-31T23:59:60.000000001Z',
  '2030-01-01T01:00:00+01:00',
  '2029-12-31T23:00:00-01:00',
  '2029-12-31T22:59:59-01:00',
  '1969-12-31T23:59:59.999Z',
  '1970-01-01T00:00:00Z',
  '1677-09-21T00:12:43.145224192Z',
  '1677-09-21T00:12:43.145224191Z',
  '2262-04-11T23:47:16.854775807Z',
  '2262-04-11T23:47:16.854775808Z',
  '2554-07-21T23:34:33.709551616Z',
  '2584-01-01T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '0000-02-29T00:00:00Z',
  '0001-01-01T00:00:00+23:59',
  '9999-12-31T23:59:59.999999999Z',
  '9999-12-31T23:59:60-00:00',
];

/** Any time spelling: valid, at an edge, or wrong in one of the places where readers differ. */
export function anyTime(random: Random): string {
  const kind = random.below(10);
  if (kind < 2) return validTime(random);
  if (kind < 4) return random.pick(EDGES);
  if (kind < 6) return leapSecond(random);
  return composed(random);
}

/** 1 - 2^-48: from this fraction on, the format's double of 59 or 60 seconds rounds up to the next whole one. */
const ROUNDS_UP = '.999999999999996447286321199499070644378662109375';
// prettier-ignore
const LEAP_SECONDS = [
  '60', '60', '60', '60', '60.5', '60.999999999', '61', '59', '58', '59.99999999999999999999',
  '60.99999999999999999999', `59${ROUNDS_UP}`, `59${ROUNDS_UP}0`, `59${ROUNDS_UP}01`, `60${ROUNDS_UP}`,
  `60${ROUNDS_UP.slice(0, -1)}4`, `60${ROUNDS_UP.slice(0, -1)}`, `59${ROUNDS_UP.slice(0, -1)}49`,
];

function leapSecond(random: Random): string {
  const sign = random.pick(['+', '-']);
  const hours = random.below(25);
  const minutes = random.pick([0, 0, 30, 45, 59, 60]);
  const direction = sign === '-' ? -1 : 1;
  // Local minutes of the day that are 23:59 UTC, sometimes off by one, sometimes written with the hour 24 or more.
  const local = 23 * 60 + 59 + direction * (hours * 60 + minutes) + random.pick([0, 0, 0, 0, -1, 1, 60]);
  const day = random.chance(0.3) ? local : ((local % 1440) + 1440) % 1440;
  const hour = Math.max(0, Math.floor(day / 60));
  const clock = random.chance(0.8)
    ? `${two(hour)}:${two(((day % 60) + 60) % 60)}`
    : `${two(Math.max(0, hour - 1))}:${two((day % 60) + 60)}`;
  const seconds = random.pick(LEAP_SECONDS);
  const zone =
    hours === 0 && minutes === 0
      ? random.pick(['Z', 'z', '+00', '-0000'])
      : `${sign}${two(hours)}${random.pick([':', ''])}${two(minutes)}`;
  return `2020-0${1 + random.below(9)}-1${random.below(10)}T${clock}:${seconds}${zone}`;
}

// prettier-ignore
const YEARS = [
  '2020', '2020', '2020', '2021', '2019', '2024', '2000', '1900', '2100', '0000', '9999', '202', '20200',
  '+2020', '２０２０',
];
// prettier-ignore
const MONTH_DAYS = [
  '02-29', '02-28', '02-30', '12-31', '04-30', '04-31', '06-15', '13-01', '00-10', '01-00', '01-32',
  '1-01', '01-1', '0115', '11-30',
];
// prettier-ignore
const SEPARATORS = [
  'T', 'T', 'T', 't', ' ', '\t', '\n', '\r', '\v', '\f', '\u00a0', '\u1680', '\u2003', '\u200a', '\u205f', '\u2028', '\u2029', '\u202f',
  '\u3000', '\ufeff', '\u200b', '\u0085', '\u180e', '_', '', 'TT', '  ', 'ｔ',
];
// prettier-ignore
const CLOCKS = [
  '12:34:56', '12:34:56', '00:00:00', '23:59:59', '23:59:60', '24:00:00', '24:59:30', '23:60:00',
  '23:99:10', '99:59:00', '12:34', '12:34:', '1:02:03', '12:34:61', '12:34:99', '12-34-56', '123456',
  '12:34:56,5', '-1:00:00',
];
// prettier-ignore
const FRACTIONS = [
  '', '', '.5', '.', '.123456789', '.1234567891', '.000', '.99999999999999999999', '.9999999999999999',
  '.0000000000', ',5', '.1e3', '.-1', '. 5', '.५',
];
// prettier-ignore
const ZONES = [
  'Z', 'Z', 'Z', 'z', '+00:00', '-00:00', '+01', '-23', '+0130', '-2359', '+01:00', '+00:40', '-00:40',
  '+24:00', '+23:60', '+99:99', '', '+1', '+1:00', '+01:0', '+010', '+01:', '\u221201:00', 'UTC', 'ZZ',
  'Z ', ' Z', 'Z\n', 'Z\u0000', '+01:00Z', '[UTC]',
];

function composed(random: Random): string {
  // Mostly one odd part: two at once would hide each other.
  const odd = random.below(5);
  const part = (index: number, plain: string, choices: readonly string[]): string =>
    index === odd || random.chance(0.15) ? random.pick(choices) : plain;
  const text = [
    part(0, '2020', YEARS),
    '-',
    part(0, '06-15', MONTH_DAYS),
    part(1, 'T', SEPARATORS),
    part(2, '12:34:56', CLOCKS),
    part(3, '.25', FRACTIONS),
    part(4, 'Z', ZONES),
  ].join('');
  return random.chance(0.05)
    ? random.pick([
        ` ${text}`,
        `${text} `,
        text.slice(0, -1),
        `${text}0`,
        text.slice(1),
        '',
        'now',
        '2020-06-15',
      ])
    : text;
}
