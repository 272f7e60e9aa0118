import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listeningPorts } from '../src/listeners/listeningPorts.js'
import { parseProcNet, readProcNet } from '../src/listeners/procNet.js'

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 640 1 00000000b22942aa 100 0 0 10 0                       
   1: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 21034 1 0000000000000000 100 0 0 10 0                     
   2: 0202A8C0:C350 2202A8C0:01BB 01 00000000:00000000 02:000A9D5B 00000000  1000        0 31337 2 0000000000000000 20 4 30 10 -1                    
   3: 0100007F:0BB8 0100007F:D431 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0000000000000000                                      
10000: 0202A8C0:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31338 1 0000000000000000 100 0 0 10 0                     
`

const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41234 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:1538 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 41235 1 0000000000000000 100 0 0 10 0
   2: 0000000000000000FFFF00000100007F:0BB9 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41236 1 0000000000000000 100 0 0 10 0
   3: 0000000000000000FFFF000000000000:0BBA 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41237 1 0000000000000000 100 0 0 10 0
   4: B80D01200000000067452301EFCDAB89:0BBB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41238 1 0000000000000000 100 0 0 10 0
   5: 0000000000000000FFFF00000100007F:0BBC 0000000000000000FFFF00000100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 41239 1 0000000000000000 20 4 30 10 -1
`

const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            
  301: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 20011 2 0000000000000000 0         
 1234: 0202A8C0:D903 08080808:0035 01 00000000:00000000 00:00000000 00000000   101        0 20012 2 0000000000000000 0         
`

const header = (table: string) => table.slice(0, table.indexOf('\n') + 1)

describe('parseProcNet', () => {
  it('finds the TCP sockets in LISTEN on IPv4, and whose they are', () => {
    expect(parseProcNet('tcp', TCP)?.listeners).toEqual([
      { protocol: 'tcp', address: '0.0.0.0', port: 2024, uid: 0, inode: 640 },
      { protocol: 'tcp', address: '127.0.0.1', port: 5432, uid: 999, inode: 21034 },
      { protocol: 'tcp', address: '192.168.2.2', port: 3001, uid: 1000, inode: 31338 },
    ])
  })

  it('finds those on IPv6, and leaves open whether :: takes IPv4', () => {
    const socket = { protocol: 'tcp', uid: 1000 }
    expect(parseProcNet('tcp', TCP6)?.listeners).toEqual([
      { ...socket, address: '::', port: 3000, inode: 41234, mayTakeIPv4: true },
      { ...socket, address: '::1', port: 5432, uid: 999, inode: 41235 },
      { ...socket, address: '127.0.0.1', port: 3001, inode: 41236 },
      { ...socket, address: '0.0.0.0', port: 3002, inode: 41237 },
      { ...socket, address: '2001:db8::123:4567:89ab:cdef', port: 3003, inode: 41238 },
    ])
  })

  it('finds the ends of TCP connections, waiting ones too', () => {
    expect(parseProcNet('tcp', TCP)?.connections).toEqual([
      { address: '192.168.2.2', port: 50000 },
      { address: '127.0.0.1', port: 3000 },
    ])
    expect(parseProcNet('tcp', TCP6)?.connections).toEqual([{ address: '127.0.0.1', port: 3004 }])
  })

  it('finds the UDP sockets, connected ones too', () => {
    expect(parseProcNet('udp', UDP)).toEqual({
      listeners: [
        { protocol: 'udp', address: '127.0.0.53', port: 53, uid: 101, inode: 20011 },
        { protocol: 'udp', address: '192.168.2.2', port: 55555, uid: 101, inode: 20012 },
      ],
      connections: [],
    })
  })

  it('does not say whose a socket is where one uid stands for several users', () => {
    expect(parseProcNet('udp', UDP, 101)?.listeners).toEqual([
      { protocol: 'udp', address: '127.0.0.53', port: 53, inode: 20011 },
      { protocol: 'udp', address: '192.168.2.2', port: 55555, inode: 20012 },
    ])
  })

  it('finds nothing in a table of no sockets', () => {
    expect(parseProcNet('tcp', header(TCP))).toEqual({ listeners: [], connections: [] })
  })

  it.each([
    ['nothing', ''],
    ['no header', TCP.slice(header(TCP).length)],
    ['another format', `${header(TCP)}127.0.0.1:3000 LISTEN\n`],
    ['half a row', TCP.slice(0, -120)],
  ])('cannot tell from a table of %s', (_what, table) => {
    expect(parseProcNet('tcp', table)).toBeUndefined()
  })
})

async function procNetWith(tables: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'proc-net-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  for (const [name, table] of Object.entries(tables)) {
    await writeFile(join(directory, name), table)
  }
  return directory
}

describe('readProcNet', () => {
  it('reads both protocols of both families', async () => {
    const directory = await procNetWith({ tcp: TCP, tcp6: TCP6, udp: UDP, udp6: header(UDP) })
    const sockets = await readProcNet(directory)
    expect(sockets?.listeners).toHaveLength(10)
    expect(sockets?.connections).toHaveLength(3)
  })

  it('reads what there is where IPv6 is off', async () => {
    const sockets = await readProcNet(await procNetWith({ tcp: TCP, udp: UDP }))
    expect(sockets?.listeners).toHaveLength(5)
  })

  it('cannot tell where the tables are missing', async () => {
    expect(await readProcNet(await procNetWith({}))).toBeUndefined()
    expect(await readProcNet(await procNetWith({ tcp: TCP, tcp6: TCP6 }))).toBeUndefined()
  })

  it.each(['tcp', 'tcp6', 'udp', 'udp6'])(
    'cannot tell where the table %s is empty',
    async (name) => {
      const tables = { tcp: TCP, tcp6: TCP6, udp: UDP, udp6: header(UDP), [name]: '' }
      expect(await readProcNet(await procNetWith(tables))).toBeUndefined()
    },
  )
})

describe.runIf(process.platform === 'linux')('listeningPorts', () => {
  /** In the kernel's order: listeners first. */
  const rows = (count: number, state: string, firstPort: number) =>
    Array.from({ length: count }, (_, nth) =>
      TCP.split('\n')[1]!
        .replace('07E8', (firstPort + nth).toString(16).toUpperCase().padStart(4, '0'))
        .replace(' 0A ', ` ${state} `),
    )
  const table = (...parts: string[][]) => `${[header(TCP).trimEnd(), ...parts.flat()].join('\n')}\n`
  const numbers = (count: number, first: number) =>
    Array.from({ length: count }, (_, n) => first + n)

  it.each([0, 1, 6, 7, 50, 500])('finds all of %i listeners, and no connection', async (count) => {
    for (const connections of [0, 1, 100]) {
      const tcp = table(rows(count, '0A', 3000), rows(connections, '01', 40_000))
      const found = await listeningPorts('tcp', await procNetWith({ tcp, tcp6: header(TCP6) }))
      expect(found, `${connections} connections`).toEqual(numbers(count, 3000))
    }
  })

  it('finds those of both families, once each', async () => {
    const directory = await procNetWith({ tcp: table(rows(2, '0A', 3000)), tcp6: TCP6, udp: UDP })
    expect(await listeningPorts('tcp', directory)).toEqual([3000, 3001, 5432, 3002, 3003])
    expect(await listeningPorts('udp', directory)).toEqual([53, 55_555])
  })

  it('reads what there is where IPv6 is off', async () => {
    const directory = await procNetWith({ tcp: table(rows(1, '0A', 3000)) })
    expect(await listeningPorts('tcp', directory)).toEqual([3000])
  })

  it('cannot tell where a table is missing, empty or another one', async () => {
    for (const tcp of ['', 'sockets: used 67\n', `${header(TCP)}nonsense\n`]) {
      expect(await listeningPorts('tcp', await procNetWith({ tcp })), tcp).toBeUndefined()
    }
    const without = await procNetWith({ tcp6: TCP6 })
    expect(await listeningPorts('tcp', without)).toBeUndefined()
    expect(await listeningPorts('udp', without)).toBeUndefined()
    const empty = await procNetWith({ tcp: TCP, tcp6: '' })
    expect(await listeningPorts('tcp', empty)).toBeUndefined()
  })
})
