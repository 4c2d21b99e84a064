/** The secret of `Authorization: Bearer KEY`, else that of `X-API-Key: KEY`; both '' when absent. */
export function tokenOf(authorization: string, apiKey: string): string | undefined {
  const bearer = /^Bearer\s+(\S+)\s*$/i.exec(authorization);
  return bearer?.[1] ?? (apiKey === '' ? undefined : apiKey);
}
