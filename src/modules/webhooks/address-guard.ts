import { BlockList, isIP } from 'node:net';

/** Everything in IANA's special-purpose registry that is not reachable from everywhere, or leads elsewhere. */
const refusedV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/**
 * Of IPv6 only global unicast can be public: what lies outside (loopback, link-local, unique local, multicast, mapped
 * IPv4, NAT64) is refused without being named. Inside it: protocol assignments with Teredo, documentation, 6to4.
 */
const globalUnicast = ['2000::/3'];
const refusedV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

export interface AddressGuard {
  /** Whether a connection to this address may be opened; false for what is no address. */
  allows(address: string): boolean;
}

/** @param allowedNetworks that may be reached although they are not public: `10.1.0.0/16`. */
export function createAddressGuard(allowedNetworks: readonly string[]): AddressGuard {
  const allowed = blockList(allowedNetworks);
  const refused = blockList([...refusedV4, ...refusedV6]);
  const global = blockList(globalUnicast);
  return {
    allows(address) {
      const version = isIP(address);
      if (version === 0 || address.includes('%')) return false;
      const family = version === 4 ? 'ipv4' : 'ipv6';
      if (allowed.check(address, family)) return true;
      if (family === 'ipv6' && !global.check(address, family)) return false;
      return !refused.check(address, family);
    },
  };
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/');
    list.addSubnet(address, Number(prefix), isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
