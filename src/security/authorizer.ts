import { createHash, timingSafeEqual } from 'node:crypto';
import { MplpError } from '../errors/index.js';

/** Who is asking, as the authorizer established it. */
export interface Principal {
  readonly subject: string;
  readonly projectId: string;
}

export interface Credentials {
  /** The secret of `Authorization: Bearer`, `X-API-Key` or the WebSocket subprotocol `bearer.<token>`. */
  readonly token: string | undefined;
}

/** One authorizer for every route: `permission` is `resource:action`. Throws an MplpError (401, 403). */
export interface Authorizer {
  authorize(credentials: Credentials, permission: string): Principal;
}

const MAX_TOKEN_LENGTH = 4096;

/** Knows one key, the admin's, which may do everything in the default project. */
export function createAuthorizer(options: { readonly adminKey: string }): Authorizer {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const expected = digest(options.adminKey);
  const admin: Principal = Object.freeze({ subject: 'admin', projectId: 'default' });
  return {
    authorize({ token }, permission) {
      if (!/^[a-z-]+:[a-z-]+$/.test(permission))
        throw new MplpError('MPLP_ERR_SECURITY_FORBIDDEN', 'This route names no permission.');
      if (token === undefined) {
        throw new MplpError(
          'MPLP_ERR_SECURITY_UNAUTHENTICATED',
          'Send a key as `Authorization: Bearer KEY` or `X-API-Key: KEY`.',
        );
      }
      // Digests have one length, and comparing them takes one time, whatever was sent.
      if (token.length > MAX_TOKEN_LENGTH || !timingSafeEqual(digest(token), expected)) {
        throw new MplpError('MPLP_ERR_SECURITY_UNAUTHENTICATED', 'The key is not known.');
      }
      return admin;
    },
  };
}
