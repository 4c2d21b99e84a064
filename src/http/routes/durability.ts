import { MplpError } from '../../errors/index.js';

/**
 * `?durability=`: what a sender waits for, the disk or ClickHouse.
 *
 * @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST
 */
export function durabilityOf(query: URLSearchParams): 'spooled' | 'stored' {
  const durability = query.get('durability') ?? 'spooled';
  if (durability === 'spooled' || durability === 'stored') return durability;
  throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', 'durability is `spooled` or `stored`.', {
    errors: [
      {
        pointer: '',
        keyword: 'enum',
        message: `durability must be spooled or stored, not ${durability.slice(0, 40)}`,
      },
    ],
  });
}
