import { expect, test } from 'vitest';
import { parseTailFilter } from '#dist/traces/live/index.js';

const AGENT = '6f1c2d3e-4b5a-4c6d-8e7f-901234567890';
const parse = (query: string) => parseTailFilter(new URLSearchParams(query), 'p');

test('no parameter means everything of the project', () => {
  expect(parse('')).toEqual({ projectId: 'p' });
});

test('all filters together; ids in upper case are taken', () => {
  expect(parse(`agent_id=${AGENT.toUpperCase()}&context_id=${AGENT}&action=a%20b&status=failure`)).toEqual({
    projectId: 'p',
    agentId: AGENT,
    contextId: AGENT,
    action: 'a b',
    status: 'failure',
  });
});

test.each([
  ['agent_id=agent-001', '?agent_id', 'format'],
  ['context_id=', '?context_id', 'format'],
  ['status=ok', '?status', 'enum'],
  ['action=', '?action', 'length'],
  ['agent=x', '?agent', 'unknown'],
  ['status=success&status=failure', '?status', 'unique'],
])('%s is refused with a pointer', (query, pointer, keyword) => {
  expect(() => parse(query)).toThrowError(
    expect.objectContaining({
      code: 'MPLP_ERR_HTTP_BAD_REQUEST',
      errors: [expect.objectContaining({ pointer, keyword })],
    }),
  );
});
