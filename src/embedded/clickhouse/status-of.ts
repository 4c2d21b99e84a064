/** HTTP statuses for ClickHouse error codes, as ClickHouse's own HTTP handler answers them; 500 for the rest. */
const statuses: readonly (readonly [status: number, codes: readonly number[]])[] = [
  [
    400,
    [
      6, 15, 25, 26, 27, 36, 38, 41, 43, 44, 53, 62, 69, 70, 72, 117, 167, 168, 321, 376, 427, 441, 442, 456,
      457,
    ],
  ],
  [401, [194]],
  [403, [192, 193, 497, 512, 516]],
  [404, [46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 336, 511]],
  [408, [159]],
  [501, [48]],
  [503, [76, 209]],
];

const statusByCode = new Map(
  statuses.flatMap(([status, codes]) => codes.map((code) => [code, status] as const)),
);

export function statusOf(code: number): number {
  return statusByCode.get(code) ?? 500;
}

/** `Code: 60. DB::Exception: …` gives 60; 1001 (a standard exception) when there is no code. */
export function codeOf(message: string): number {
  const match = /Code:\s*(\d+)/.exec(message);
  return match === null ? 1001 : Number(match[1]);
}

/** A refusal in ClickHouse's words (`Code: 62. DB::Exception: …`), with its HTTP status. */
export class StatementError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}
