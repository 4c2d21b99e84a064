import { quoteString } from './sql-text.js';

/** Texts of a span that a search looks into, besides its action name and error. */
const PAYLOADS = ['parameters', 'output', 'metadata', 'extra'];

/**
 * Conditions for text that occurs anywhere, in any case. Payloads are stored as JSON text, where quotes, backslashes and
 * line breaks are escaped, so the text is looked for in both spellings.
 */
export interface TextSearch {
  /** On a row `s` of `spans`. Only payloads that `among`, a condition on `seq`, lets through are looked into. */
  condition(database: string, projectId: string, among: string | undefined): string;
}

export function createTextSearch(text: string): TextSearch {
  const escaped = JSON.stringify(text).slice(1, -1);
  const needles = escaped === text ? [text] : [text, escaped];
  const isAscii = /^[\u0000-\u007f]*$/.test(text);
  const position = isAscii ? 'positionCaseInsensitive' : 'positionCaseInsensitiveUTF8';
  const occursIn = (column: string) =>
    needles.map((needle) => `${position}(${column}, ${quoteString(needle)}) > 0`).join(' OR ');
  return {
    condition(database, projectId, among) {
      const payloadFits = PAYLOADS.map(occursIn).join(' OR ');
      // Attributes of OpenTelemetry spans are among the tags and not in the payload.
      const attributeFits =
        `s.otel_shape != '' AND (arrayExists(tag -> ${occursIn('tag')}, mapValues(s.tags)) OR ` +
        `${occursIn('s.otel_resource')})`;
      const bound = among === undefined ? '' : `AND ${among} `;
      return (
        `(${occursIn('s.action_name')} OR ${occursIn('s.error')} OR (${attributeFits}) OR s.seq IN (SELECT seq FROM ${database}.span_payloads ` +
        `WHERE project_id = ${quoteString(projectId)} ${bound}AND (${payloadFits})))`
      );
    },
  };
}
