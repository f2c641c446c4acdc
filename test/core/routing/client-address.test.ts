import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import {
  cidrContains,
  effectiveClientAddress,
  isTrusted,
  parseAddress,
  parseCidr,
} from '#src/core/routing/client-address.ts';
import type { Cidr } from '#src/core/routing/routing-options.ts';

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  assert.ok(parsed !== null, `${text} is a CIDR block`);
  return parsed;
};

test('parseAddress gives network-order bytes when the text is an address', () => {
  assert.deepEqual(parseAddress('192.0.2.1'), [192, 0, 2, 1]);
  assert.deepEqual(parseAddress('::'), new Array(16).fill(0));
  assert.deepEqual(parseAddress('2001:db8::1'), [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  assert.deepEqual(parseAddress('fe80::1%eth0'), parseAddress('fe80::1'));
  assert.deepEqual(parseAddress('64:ff9b::192.0.2.33')?.slice(12), [192, 0, 2, 33]);
});

test('parseAddress gives the IPv4 bytes when the address is IPv4-mapped', () => {
  assert.deepEqual(parseAddress('::ffff:192.0.2.1'), [192, 0, 2, 1]);
  assert.deepEqual(parseAddress('::ffff:c000:201'), [192, 0, 2, 1]);
});

test('parseAddress refuses text when it is not an address', () => {
  const texts = [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4:80',
    ' 1.2.3.4',
    'localhost',
    ':',
    ':::',
    '1::2::3',
  ];
  for (const text of [
    ...texts,
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    'g::',
    '::1.2.3',
    '1.2.3.4::',
    '%eth0',
  ]) {
    assert.equal(parseAddress(text), null, text);
  }
});

test('parseAddress agrees with net.isIP when the text is random', () => {
  const seed = Date.now() & 0x7fffffff;
  const { nextUint32 } = createRandom(seed);
  const pieces = ['::', ':', '.', '1', 'ff', '255', '256', '0', '1.2.3.4', 'abcd', '12345', 'g', '2001:db8'];
  for (let round = 0; round < 20_000; round++) {
    const count = 1 + (nextUint32() % 9);
    const text = Array.from({ length: count }, () => pieces[nextUint32() % pieces.length]).join('');
    assert.equal(parseAddress(text) !== null, isIP(text) !== 0, `"${text}", seed ${seed}`);
  }
});

test('parseCidr clears the bits beyond the prefix and takes a bare address as a block of one', () => {
  assert.deepEqual(cidr('10.1.2.3/8'), { bytes: [10, 0, 0, 0], prefix: 8 });
  assert.deepEqual(cidr('192.0.2.255/25'), { bytes: [192, 0, 2, 128], prefix: 25 });
  assert.deepEqual(cidr('192.0.2.7'), { bytes: [192, 0, 2, 7], prefix: 32 });
  assert.equal(cidr('fd00::/8').bytes.length, 16);
  assert.deepEqual(cidr('::ffff:10.0.0.0/104'), { bytes: [10, 0, 0, 0], prefix: 8 });
  assert.deepEqual(cidr('0.0.0.0/0'), { bytes: [0, 0, 0, 0], prefix: 0 });
});

test('parseCidr refuses text when it is not a block', () => {
  for (const text of [
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '::/129',
    'example.com/8',
    '/8',
    '10/8',
    'fe80::%1/64',
  ]) {
    assert.equal(parseCidr(text), null, text);
  }
});

test('cidrContains agrees with net.BlockList when blocks and addresses are random', () => {
  const seed = Date.now() & 0x7fffffff;
  const { nextUint32 } = createRandom(seed);
  const octet = () => nextUint32() & 3;
  const address4 = () => `10.${octet()}.${octet()}.${octet()}`;
  const address6 = () => `fd00::${octet()}:${octet()}`;
  for (let round = 0; round < 3_000; round++) {
    const isV4 = round % 2 === 0;
    const network = isV4 ? address4() : address6();
    const address = isV4 ? address4() : address6();
    const prefix = nextUint32() % (isV4 ? 33 : 129);
    const list = new BlockList();
    list.addSubnet(network, prefix, isV4 ? 'ipv4' : 'ipv6');
    const expected = list.check(address, isV4 ? 'ipv4' : 'ipv6');
    const actual = cidrContains(cidr(`${network}/${prefix}`), parseAddress(address) ?? []);
    assert.equal(actual, expected, `${network}/${prefix} ${address}, seed ${seed}`);
  }
});

test('isTrusted covers IPv4 peers of a dual-stack socket when the block is IPv4', () => {
  const blocks = [cidr('10.0.0.0/8'), cidr('fd00::/8')];
  assert.equal(isTrusted('::ffff:10.1.2.3', blocks), true);
  assert.equal(isTrusted('fd12::1', blocks), true);
  assert.equal(isTrusted('11.0.0.1', blocks), false);
  assert.equal(isTrusted('not an address', blocks), false);
  assert.equal(isTrusted('10.1.2.3', []), false);
});

const trusted = [cidr('10.0.0.0/8'), cidr('fd00::/8')];
const chains: readonly [name: string, peer: string, forwardedFor: string | null, expected: string][] = [
  ['the peer when it is not trusted', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
  ['the peer when the header is absent', '10.0.0.1', null, '10.0.0.1'],
  ['the only hop when a trusted proxy reported it', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
  [
    'the rightmost untrusted hop when the client forged others',
    '10.0.0.1',
    '1.1.1.1, 198.51.100.1, 10.0.0.2',
    '198.51.100.1',
  ],
  ['the leftmost hop when all are trusted', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
  [
    'the reporting hop when an element is no address',
    '10.0.0.1',
    '198.51.100.1, unknown, 10.0.0.2',
    '10.0.0.2',
  ],
  ['the peer when the header is empty', '10.0.0.1', '', '10.0.0.1'],
  ['the address when the hop has a port', '10.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
  ['the address when the hop has brackets and a port', '10.0.0.1', '[2001:DB8::1]:4711', '2001:db8::1'],
  ['the IPv4 form when the hop is IPv4-mapped', '10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
  ['the hop when spaces and tabs surround it', 'fd00::1', '\t198.51.100.1 , 10.0.0.2', '198.51.100.1'],
];
for (const [name, peer, forwardedFor, expected] of chains) {
  test(`effectiveClientAddress is ${name}`, () => {
    assert.equal(effectiveClientAddress(peer, forwardedFor, trusted), expected);
  });
}

test('effectiveClientAddress looks at a bounded number of hops when the chain is endless', () => {
  const chain = ['198.51.100.1', ...Array.from({ length: 10_000 }, () => '10.0.0.2')].join(',');
  assert.equal(effectiveClientAddress('10.0.0.1', chain, trusted), '10.0.0.2');
});
