import { describe, expect, it } from 'vitest';
import { createAddressGuard } from '#dist/modules/webhooks/address-guard.js';
import { checkedAddresses } from '#dist/modules/webhooks/guarded-connection.js';

const guard = createAddressGuard([]);

describe('the address guard', () => {
  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '172.32.0.1',
    '192.167.1.1',
    '2606:4700:4700::1111',
    '2a00::1',
  ])('lets %s through', (address) => expect(guard.allows(address)).toBe(true));

  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::7f00:1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:8.8.8.8',
    '0:0:0:0:0:ffff:a00:1',
    '::ffff:0:7f00:1',
    '64:ff9b::7f00:1',
    '64:ff9b::8.8.8.8',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '2001:10::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2002:0a00:0001::1',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '',
    'localhost',
    '1.1.1',
    '01.1.1.1',
    '2130706433',
    '0x7f.1',
  ])('refuses %s', (address) => expect(guard.allows(address)).toBe(false));

  it('lets the networks of the operator through, and no more', () => {
    const own = createAddressGuard(['127.0.0.0/8', 'fd00:1::/32']);
    expect(own.allows('127.1.2.3')).toBe(true);
    expect(own.allows('fd00:1::5')).toBe(true);
    expect(own.allows('8.8.8.8')).toBe(true);
    expect(own.allows('10.0.0.1')).toBe(false);
    expect(own.allows('fd00:2::5')).toBe(false);
    expect(own.allows('::1')).toBe(false);
  });

  it.each([
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://①②⑦.0.0.1/',
    'http://[::ffff:7f00:1]/',
    'http://[::1]:8080/',
    'http://169.254.169.254/latest/meta-data/',
    'https://[64:ff9b::a00:1]/',
  ])('refuses the literal address in %s without asking a name server', async (url) => {
    const resolve = () => Promise.reject(new Error('asked'));
    await expect(checkedAddresses(new URL(url), guard, resolve)).rejects.toThrow(/not public/);
  });

  it('refuses a name when one of its addresses is refused', async () => {
    const url = new URL('http://example.test/');
    await expect(checkedAddresses(url, guard, async () => ['1.1.1.1', '10.0.0.1'])).rejects.toThrow(
      /not public/,
    );
    await expect(checkedAddresses(url, guard, async () => [])).rejects.toThrow(/no address/);
    expect(await checkedAddresses(url, guard, async () => ['1.1.1.1', '2a00::1'])).toEqual([
      '1.1.1.1',
      '2a00::1',
    ]);
  });
});
