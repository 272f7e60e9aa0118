import { describe, expect, it } from 'vitest'
import { parseDirectories, parseSockets, unescaped } from '../../src/processes/lsofOutput.js'

/**
 * Of the form that lsof(8) describes and that macOS prints for `lsof -nP -w -iTCP -iUDP -F pfdtPnT`, put
 * together from its manual and public listings, not recorded on one machine. A process without the
 * rights of root sees only those of its own user.
 */
const SOCKETS = `p501
f9
tIPv4
d0x2eddb902b289fa31
PTCP
n127.0.0.1:3000
TST=LISTEN
TQR=0
TQS=0
f10
tIPv4
d0x2eddb902a91a84c1
PTCP
n127.0.0.1:3000->127.0.0.1:53011
TST=ESTABLISHED
TQR=0
TQS=0
p502
f21
tIPv6
d0x9a0d3aa1f0a1c2e7
PTCP
n*:5173
TST=LISTEN
TQR=0
TQS=0
f22
tIPv6
d0x9a0d3aa1f0a1c2e8
PTCP
n[::1]:5174
TST=LISTEN
TQR=0
TQS=0
f23
tIPv6
d0x9a0d3aa1f0a1c2e9
PTCP
n[fe80:4::aede:48ff:fe00:1122]:49159
TST=LISTEN
TQR=0
TQS=0
f24
tIPv4
d0x9a0d3aa1f0a1c2ea
PTCP
n*:*
TST=CLOSED
TQR=0
TQS=0
p503
f3
tIPv4
d0x9a0d3aa1f0a1c2eb
PUDP
n*:5353
TQR=0
TQS=0
f4
tIPv4
d0x9a0d3aa1f0a1c2ec
PUDP
n192.168.1.2:61111->192.0.2.53:53
f5
tIPv4
d0x9a0d3aa1f0a1c2ed
PUDP
n*:*
f6
tsystm
d0x9a0d3aa1f0a1c2ee
n[1:1:0]
`

describe('the sockets in what macOS prints', () => {
  const found = parseSockets(SOCKETS).map(
    ({ pid, protocol, address, port }) => `${pid} ${protocol} ${address} ${port}`,
  )

  it('are those in LISTEN and those of UDP that have a number', () => {
    expect(found).toEqual([
      '501 tcp 127.0.0.1 3000',
      '502 tcp :: 5173',
      '502 tcp ::1 5174',
      '502 tcp fe80::aede:48ff:fe00:1122 49159',
      '503 udp 0.0.0.0 5353',
      '503 udp 192.168.1.2 61111',
    ])
  })

  it('are told apart by the device', () => {
    expect(new Set(parseSockets(SOCKETS).map(({ device }) => device)).size).toBe(6)
  })

  it('are told apart by the descriptor where there is no device', () => {
    const file = (fd: number) => `f${fd}\ntIPv4\nPTCP\nn*:3000\nTST=LISTEN\n`
    const both = parseSockets(`p1\n${file(3)}${file(4)}`)
    expect(new Set(both.map(({ device }) => device)).size).toBe(2)
  })

  it('are left out if a line of theirs is missing, or another format', () => {
    for (const output of [
      '',
      'lsof: WARNING: cannot stat',
      'f3\ntIPv4\nPTCP\nn*:3000\nTST=LISTEN',
      'p0\nf3\ntIPv4\nPTCP\nn*:3000\nTST=LISTEN',
      'p1x\nf3\ntIPv4\nPTCP\nn*:3000\nTST=LISTEN',
      'p1\nf3\ntIPv4\nPTCP\nTST=LISTEN',
      'p1\nf3\ntIPv4\nPTCP\nn*:http-alt\nTST=LISTEN',
      'p1\nf3\ntIPv4\nPTCP\nn*:3000',
      'p1\ntIPv4\nPTCP\nn*:3000\nTST=LISTEN',
    ]) {
      expect(parseSockets(output), output).toEqual([])
    }
  })
})

describe('the working directories in what lsof prints', () => {
  it('are known by their process', () => {
    const output =
      'p501\nfcwd\ntDIR\nn/Users/ann/shop\np502\nfcwd\ntDIR\nn/Users/ann/with space\\nand line\n'
    expect([...parseDirectories(output)]).toEqual([
      [501, '/Users/ann/shop'],
      [502, '/Users/ann/with space\nand line'],
    ])
  })

  it('are absent if they may not be seen', () => {
    const ofMacOS = 'p501\nfcwd\nncwd|rtd info error: Operation not permitted\n'
    const ofLinux = 'p501\nfcwd\ntunknown\nn/proc/501/cwd (readlink: Permission denied)\n'
    for (const output of [ofMacOS, ofLinux]) expect(parseDirectories(output).size).toBe(0)
  })
})

describe('a name', () => {
  it('has the bytes that lsof has escaped', () => {
    expect(unescaped('/srv/caf\\xc3\\xa9')).toBe('/srv/café')
    expect(unescaped('\\b\\f\\n\\r\\t\\x7f')).toBe('\b\f\n\r\t\x7f')
    expect(unescaped('a\\\\x41 \\\\n')).toBe('a\\x41 \\n')
    expect(unescaped('a\\x4 \\q')).toBe('a\\x4 \\q')
  })

  it('has the bytes that an lsof with a locale prints as they are', () => {
    expect(unescaped(Buffer.from('/srv/café').toString('latin1'))).toBe('/srv/café')
  })

  it('is unknown if a control character cannot be told from a caret', () => {
    for (const name of ['/srv/^A', '/srv/^?', '/srv/^[']) expect(unescaped(name)).toBeUndefined()
    expect(unescaped('/srv/^a ^')).toBe('/srv/^a ^')
  })
})
