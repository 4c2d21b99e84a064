/** The trace id of a W3C `traceparent` header, or a random one: 32 hex digits. */
export function createRequestTraceId(traceparent: string, random: (size: number) => Buffer): string {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent);
  const given = match?.[1];
  return given !== undefined && !/^0+$/.test(given) ? given : random(16).toString('hex');
}
