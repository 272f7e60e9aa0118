import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { onTestFinished } from 'vitest'

/** Whether this machine speaks IPv6 to itself. */
export const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

/** A TCP listener, on an ephemeral port unless given, closed when the test ends. */
export async function listenTcp(options: ListenOptions): Promise<number> {
  const server = createServer((socket) => socket.on('end', () => socket.end())).listen({
    port: 0,
    ...options,
  })
  await once(server, 'listening')
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    return close(server)
  })
  return portOf(server)
}

/** A bound UDP socket on an ephemeral port, closed when the test ends. */
export async function bindUdp(type: 'udp4' | 'udp6', address: string): Promise<number> {
  const socket = createSocket(type).bind(0, address)
  await once(socket, 'listening')
  onTestFinished(() => {
    socket.close()
  })
  return socket.address().port
}

/** A UDP socket that takes datagrams from one peer alone, closed when the test ends. */
export async function connectUdp(address: string, peer: number): Promise<number> {
  const socket = createSocket('udp4').bind(0, address)
  await once(socket, 'listening')
  socket.connect(peer, address)
  await once(socket, 'connect')
  onTestFinished(() => {
    socket.close()
  })
  return socket.address().port
}

/** A TCP connection, which its client closes first. */
export async function connectTcp(host: string, peer: number) {
  const socket = connect({ host, port: peer })
  await once(socket, 'connect')
  onTestFinished(() => {
    socket.destroy()
  })
  return {
    port: socket.localPort!,
    async close() {
      socket.end()
      socket.resume()
      await once(socket, 'close')
    },
  }
}

/** A port of 127.0.0.1 and ::1 that nothing listens on. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen({ host: hasIPv6 ? '::' : '0.0.0.0', port: 0 })
  await once(server, 'listening')
  const port = portOf(server)
  await close(server)
  return port
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not a TCP listener')
  return address.port
}

async function close(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}
