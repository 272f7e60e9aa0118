import { hostname as systemHostname } from 'node:os'
import { describe, expect, it, vi } from 'vitest'
import { LocalHost } from '../src/localHost.js'
import { PortManager } from '../src/PortManager.js'
import { untouchedStore } from './untouchedStore.js'

const LOOPBACK = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  '127.0.0.1',
  '::1',
  '[::1]',
  '0:0:0:0:0:0:0:1',
  '::ffff:127.0.0.1',
  '127.0.1.1',
  '127.255.255.254',
  'app.localhost',
  'api.App.LocalHost.',
  'localhost.localdomain',
  'app.localhost.localdomain',
  'ip6-localhost',
  'ip6-loopback',
  'localhost6.localdomain6',
]

describe('LocalHost', () => {
  it.each(LOOPBACK)('stores %s as localhost where no name is set', (hostname) => {
    expect(new LocalHost().resolve('hostname', hostname)).toBe('localhost')
  })

  it.each(LOOPBACK)('stores %s under the name of the machine where one is set', (hostname) => {
    expect(new LocalHost('Alpha').resolve('hostname', hostname)).toBe('alpha')
  })

  it.each(LOOPBACK)('is called localhost when its name is set to %s', (name) => {
    expect(new LocalHost(name).name).toBe('localhost')
  })

  it('is used if no host is named', () => {
    expect(new LocalHost().resolve('hostname', undefined)).toBe('localhost')
    expect(new LocalHost('alpha').resolve('hostname', undefined)).toBe('alpha')
  })

  it.each([
    ['Beta.Example.COM', 'beta.example.com'],
    ['beta.', 'beta'],
    ['notlocalhost', 'notlocalhost'],
    ['localhost.example.com', 'localhost.example.com'],
    ['my_container', 'my_container'],
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:DB8:0:0::7', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
  ])('stores %s as %s', (given, stored) => {
    expect(new LocalHost().resolve('hostname', given)).toBe(stored)
  })

  it('refuses a name that no machine can have', () => {
    expect(() => new LocalHost('no name', 'PORTS_HOSTNAME')).toThrow(
      'PORTS_HOSTNAME is "no name", but must be a host name or an IP address',
    )
  })

  it.each(['alpha', '127.0.0.1', '127.0.0.2', '127.255.255.254', systemHostname().toLowerCase()])(
    'is %s when it is called alpha',
    (hostname) => {
      expect(new LocalHost('alpha').is(hostname)).toBe(true)
    },
  )

  it.each(['::1', 'app.localhost', 'localhost.localdomain'])(
    'is %s where no name is set',
    (name) => {
      expect(new LocalHost().is(name)).toBe(true)
    },
  )

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '::1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['127.0.0.2', '127.0.0.2'],
    ['192.0.2.7', '192.0.2.7'],
    ['localhost', 'alpha'],
    ['app.localhost', 'alpha'],
    ['beta.', 'beta'],
    [undefined, 'alpha'],
  ])('checks %s as %s when it is called alpha', (hostname, target) => {
    expect(new LocalHost('alpha').target('hostname', hostname)).toBe(target)
  })

  it.each([
    'beta',
    'localhost',
    'app.localhost',
    'notlocalhost',
    '192.0.2.77',
    '2001:db8::77',
    '126.0.0.1',
    '128.0.0.1',
  ])('is not %s when it is called alpha', (hostname) => {
    expect(new LocalHost('alpha').is(hostname)).toBe(false)
  })
})

describe('the scope of a call', () => {
  it('is TCP on this host by default', () => {
    const manager = new PortManager(untouchedStore, { hostname: 'alpha' })
    expect(manager.scope()).toEqual({ hostname: 'alpha', protocol: 'tcp' })
    expect(manager.scope({ hostname: 'localhost', protocol: 'udp' })).toEqual({
      hostname: 'alpha',
      protocol: 'udp',
    })
  })

  it.each([
    ['Alpha', 'alpha'],
    ['', 'localhost'],
    [undefined, 'localhost'],
  ])('uses the name of this host in PORTS_HOSTNAME=%s', (value, name) => {
    vi.stubEnv('PORTS_HOSTNAME', value)
    expect(new PortManager(untouchedStore).scope().hostname).toBe(name)
    vi.unstubAllEnvs()
  })
})
