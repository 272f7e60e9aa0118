import { join } from 'node:path'
import { projectDirectory } from '@ports/testkit/vitest'
import { describe, expect, it } from 'vitest'
import { parseNetstat, readNetstat } from '../src/listeners/netstat.js'

/** The output of `netstat -anl` on macOS 14. */
const OUTPUT = `Active Internet connections (including servers)
Proto Recv-Q Send-Q  Local Address                                 Foreign Address                               (state)    
tcp4       0      0  192.168.2.2.50000                             192.0.2.34.443                                ESTABLISHED
tcp46      0      0  *.3000                                        *.*                                           LISTEN     
tcp6       0      0  *.3001                                        *.*                                           LISTEN     
tcp4       0      0  *.3002                                        *.*                                           LISTEN     
tcp4       0      0  127.0.0.1.5432                                *.*                                           LISTEN     
tcp6       0      0  ::1.5432                                      *.*                                           LISTEN     
tcp6       0      0  fe80::aede:48ff:fe00:1122%en5.49159           *.*                                           LISTEN     
tcp6       0      0  2001:db8::123:4567:89ab:cdef.8080             *.*                                           LISTEN     
tcp4       0      0  127.0.0.1.3003                                127.0.0.1.53211                               TIME_WAIT  
tcp4       0      0  *.*                                           *.*                                           CLOSED     
udp4       0      0  *.5353                                        *.*                                                      
udp6       0      0  *.5353                                        *.*                                                      
udp46      0      0  *.6000                                        *.*                                                      
udp4       0      0  127.0.0.1.6001                                *.*                                                      
udp4       0      0  192.168.2.2.61111                             192.0.2.53.53                                            
udp4       0      0  *.*                                           *.*                                                      
icm6       0      0  *.*                                           *.*                                                      
Active Multipath Internet connections
Proto/ID  Flags      Local Address          Foreign Address        (state)    
Active LOCAL (UNIX) domain sockets
Address          Type   Recv-Q Send-Q            Inode             Conn             Refs          Nextref Addr
c8f2a1b3d4e5f601 stream      0      0                0 c8f2a1b3d4e5f6a1                0                0 /var/run/mDNSResponder
`

describe('parseNetstat', () => {
  const { listeners, connections } = parseNetstat(OUTPUT)

  it('finds the TCP sockets in LISTEN', () => {
    expect(listeners.filter(({ protocol }) => protocol === 'tcp')).toEqual([
      { protocol: 'tcp', address: '::', port: 3000 },
      { protocol: 'tcp', address: '0.0.0.0', port: 3000, isIPv4OfIPv6Socket: true },
      { protocol: 'tcp', address: '::', port: 3001 },
      { protocol: 'tcp', address: '0.0.0.0', port: 3002 },
      { protocol: 'tcp', address: '127.0.0.1', port: 5432 },
      { protocol: 'tcp', address: '::1', port: 5432 },
      { protocol: 'tcp', address: 'fe80::aede:48ff:fe00:1122', port: 49159 },
      { protocol: 'tcp', address: '2001:db8::123:4567:89ab:cdef', port: 8080 },
    ])
  })

  it('finds the ends of TCP connections, waiting ones too', () => {
    expect(connections).toEqual([
      { address: '192.168.2.2', port: 50000 },
      { address: '127.0.0.1', port: 3003 },
    ])
  })

  it('finds the UDP sockets that have a number, connected ones too', () => {
    expect(listeners.filter(({ protocol }) => protocol === 'udp')).toEqual([
      { protocol: 'udp', address: '0.0.0.0', port: 5353 },
      { protocol: 'udp', address: '::', port: 5353 },
      { protocol: 'udp', address: '::', port: 6000 },
      { protocol: 'udp', address: '0.0.0.0', port: 6000, isIPv4OfIPv6Socket: true },
      { protocol: 'udp', address: '127.0.0.1', port: 6001 },
      { protocol: 'udp', address: '192.168.2.2', port: 61111 },
    ])
  })

  it('keeps the port of an address that was cut', () => {
    const row = 'tcp6       0      0  fe80::aede:48ff:.49159 *.*                    LISTEN     '
    expect(parseNetstat(row)).toMatchObject({ listeners: [{ port: 49159 }] })
  })

  it('reads the columns that newer versions append', () => {
    const row =
      'tcp4       0      0  127.0.0.1.631          *.*                    LISTEN      131072 131072  26008      0'
    expect(parseNetstat(row).listeners).toEqual([
      { protocol: 'tcp', address: '127.0.0.1', port: 631 },
    ])
  })
})

describe('readNetstat', () => {
  /** Reads from a program of the test instead of netstat. */
  function readFrom(text: string, limitMs = 20_000) {
    const directory = projectDirectory({ netstat: `#!/bin/sh\n${text}\n` })
    return readNetstat({ program: join(directory, 'netstat'), limitMs })
  }
  const row = 'tcp4       0      0  127.0.0.1.631          *.*                    LISTEN'
  const print = `echo '${row}'`

  it('tells the sockets that the program prints', async () => {
    expect(await readFrom(print)).toMatchObject({ listeners: [{ port: 631 }] })
  })

  it.each([
    ['fails', `${print}; exit 1`],
    ['prints no socket', 'true'],
    ['is missing', '', '/nonexistent/netstat'],
  ])('tells nothing if the program %s', async (_, text, missing?: string) => {
    const sockets = missing ? readNetstat({ program: missing, limitMs: 20_000 }) : readFrom(text)
    expect(await sockets).toBeUndefined()
  })

  it('tells nothing if the program does not end in time', async () => {
    expect(await readFrom(`${print}; exec sleep 600`, 200)).toBeUndefined()
  })
})
