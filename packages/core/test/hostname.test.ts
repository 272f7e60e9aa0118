import { describe, expect, it } from 'vitest'
import type { PortsError } from '../src/errors.js'
import { validHostname, validPublicHostname } from '../src/hostname.js'

function refusalOf(hostname: string): PortsError {
  try {
    validHostname('hostname', hostname)
  } catch (error) {
    return error as PortsError
  }
  return expect.unreachable('it was accepted')
}

describe('a host name that is refused', () => {
  it.each([
    ['0.0.0.0', 'this address stands for all addresses of a host'],
    ['[::]', 'this address stands for all addresses of a host'],
    ['::ffff:0.0.0.0', 'this address stands for all addresses of a host'],
    ['fe80::1%eth0', 'without the zone %eth0, which means nothing on another machine'],
    ['münchen.example', 'in ASCII'],
    ['🦀', 'in ASCII'],
    [`${'a'.repeat(64)}.local`, 'at most 63 characters between two dots; it has 64'],
    [`${'a.'.repeat(126)}ab`, 'at most 253 characters; it has 254'],
    ['alpha:3000', 'without a port'],
    ['[::1]:3000', 'without a port'],
    ['http://alpha', 'without a scheme'],
    ['alpha/', 'without a path'],
    ['../etc/passwd', 'without a path'],
    ['user@alpha', 'without a user'],
    ['', 'without blanks'],
    [' ', 'without blanks'],
    ['two words', 'without blanks'],
    ['alpha\n', 'without blanks'],
    ['alpha..example.com', 'with a name between any two dots'],
    ['.alpha', 'with a name between any two dots'],
    ['256.0.0.1', 'four numbers from 0 to 255'],
    ['1.2.3', 'four numbers from 0 to 255'],
    ['::g', 'this is not an IPv6 address'],
    ['[::1', 'this is not an IPv6 address'],
    ['-alpha', 'no hyphen beside a dot or at an end'],
    ['*.example.com', 'letters, digits, hyphens, underscores and dots'],
  ])('says of %j why', (hostname, reason) => {
    expect(refusalOf(hostname).message).toContain(reason)
  })

  it.each([
    ['fe80::1%eth0', 'fe80::1'],
    ['FE80:0::1%1', 'fe80::1'],
    ['münchen.example', 'xn--mnchen-3ya.example'],
    ['МОСКВА', 'xn--80adxhks'],
    ['ａｌｐｈａ', 'alpha'],
    ['http://Alpha:3000/path?query#part', 'alpha'],
    ['https://user:secret@alpha.example', 'alpha.example'],
    ['user@alpha', 'alpha'],
    ['alpha:3000', 'alpha'],
    ['[::1]:3000', '::1'],
    ['http://[2001:DB8::1]/', '2001:db8::1'],
    ['alpha/', 'alpha'],
    [' alpha\n', 'alpha'],
  ])('proposes for %j what was meant', (hostname, suggestion) => {
    const { message, details } = refusalOf(hostname)
    expect(details).toEqual({ field: 'hostname', value: hostname, suggestion })
    expect(message).toMatch(new RegExp(`, such as ${suggestion.replaceAll('.', '\\.')}\\.$`))
    expect(validHostname('hostname', suggestion)).toBe(suggestion)
  })

  it.each(['0.0.0.0', 'http://0.0.0.0:80', 'two words', '', '../', 'http://', '-alpha', '::g'])(
    'proposes nothing for %j',
    (hostname) => {
      expect(refusalOf(hostname).details).toEqual({ field: 'hostname', value: hostname })
    },
  )
})

describe('a public host name', () => {
  it.each([
    ['shop.example.com', 'shop.example.com'],
    ['*.example.com', '*.example.com'],
    ['*.EXAMPLE.com.', '*.example.com'],
    [`*.${'a.'.repeat(124)}abc`, `*.${'a.'.repeat(124)}abc`],
  ])('can be %j', (hostname, stored) => {
    expect(validPublicHostname('cloudflareHostname', hostname)).toBe(stored)
  })

  it.each([
    ['*'],
    ['*.'],
    ['*example.com'],
    ['**.example.com'],
    ['shop.*.com'],
    ['*.*.example.com'],
    ['*.127.0.0.1'],
    ['*.[::1]'],
    [`*.${'a.'.repeat(125)}ab`],
  ])('cannot be %j', (hostname) => {
    expect(() => validPublicHostname('cloudflareHostname', hostname)).toThrowError(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        details: { field: 'cloudflareHostname', value: hostname },
      }),
    )
  })

  it('is proposed with its wildcard', () => {
    expect(() => validPublicHostname('cloudflareHostname', '*.münchen.example')).toThrowError(
      /, such as \*\.xn--mnchen-3ya\.example\.$/,
    )
  })
})
