import { MplpError } from '../../errors/index.js';
import { bodyEncodingOf, bodyFormOf, type Intake } from '../../traces/intake/index.js';
import type { Route } from '../contract.js';
import type { BodyReceiver, IngestHead, IngestRoute } from '../ingest-contract.js';
import { json } from '../replies.js';
import { durabilityOf } from './durability.js';

const MAX_KEY_LENGTH = 255;

/** `POST /v1.0/traces` and `GET /v1.0/traces/receipts/{receipt}`. */
export function createIngestRoutes(intake: Intake): { ingest: IngestRoute[]; routes: Route[] } {
  return {
    ingest: [{ path: '/v1.0/traces', permission: 'traces:write', open: (head) => receive(intake, head) }],
    routes: [
      {
        method: 'GET',
        path: '/v1.0/traces/receipts/{receipt}',
        permission: 'traces:read',
        handle(request) {
          const receipt = request.params['receipt'] ?? '';
          const found = intake.findReceipt(request.principal.projectId, receipt);
          if (found === undefined) {
            throw new MplpError(
              'MPLP_ERR_TRACES_RECEIPT_NOT_FOUND',
              `There is no receipt ${receipt.slice(0, 80)}, or it is older than receipts are kept.`,
            );
          }
          const { accepted, rejected, status } = found;
          return json({
            receipt: found.receipt,
            status,
            accepted,
            rejected,
            duplicates: 0,
            errors: [],
            errors_truncated: rejected > 0,
          });
        },
      },
    ],
  };
}

function receive(intake: Intake, head: IngestHead): BodyReceiver {
  const durability = durabilityOf(head.query);
  if (head.idempotencyKey.length > MAX_KEY_LENGTH) {
    throw new MplpError(
      'MPLP_ERR_HTTP_BAD_REQUEST',
      `Idempotency-Key is longer than ${MAX_KEY_LENGTH} characters.`,
    );
  }
  const body = intake.open({
    projectId: head.principal.projectId,
    form: bodyFormOf(head.contentType),
    encoding: bodyEncodingOf(head.contentEncoding),
    length: head.contentLength,
    idempotencyKey: head.idempotencyKey === '' ? undefined : head.idempotencyKey,
    durability,
  });
  return {
    write: (chunk) => body.write(chunk),
    drop: () => body.drop(),
    async end() {
      return json(await body.end(), 202);
    },
  };
}
