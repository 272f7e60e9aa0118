import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { projectDirectory } from '@ports/testkit/vitest'
import { expect, onTestFinished } from 'vitest'
import type { Container } from '../../src/containers/Container.js'
import { readContainers } from '../../src/containers/readContainers.js'

/** The path of a socket with this server behind it, until the test ends. */
async function serve(server: Server, path: string): Promise<string> {
  const connections = new Set<Socket>()
  server.on('connection', (socket: Socket) => connections.add(socket.on('error', () => {})))
  server.listen(path)
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of connections) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return path
}

const defaultPath = () => join(projectDirectory({}), 'docker.sock')

/** A socket on which the reply is not HTTP, or is missing. */
export function serveRaw(answer: (socket: Socket) => void, path = defaultPath()): Promise<string> {
  return serve(createTcpServer(answer), path)
}

export function serveHttp(listener: RequestListener, path = defaultPath()): Promise<string> {
  return serve(createServer(listener), path)
}

interface Api {
  /** The headers of every answer. They name the runtime. */
  readonly headers?: Readonly<Record<string, string>>
  /** Answers by path, without the query. Any other path is not found. */
  readonly [path: `/${string}`]: unknown
}

export const DOCKER = { server: 'Docker/27.3.1 (linux)', 'api-version': '1.47' }
export const podman = (version: string) => ({
  server: `Libpod/${version} (linux)`,
  'libpod-api-version': version,
  'api-version': '1.41',
})

/** A socket on which a runtime answers as Docker or Podman do. */
export function serveApi({ headers = DOCKER, ...answers }: Api, path?: string): Promise<string> {
  return serveHttp((request, response) => {
    const { pathname } = new URL(request.url!, 'http://localhost')
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    if (pathname === '/_ping') return response.end('OK')
    if (pathname in answers) {
      return response.end(JSON.stringify(answers[pathname as keyof typeof answers]))
    }
    response.writeHead(404).end('{"message":"page not found"}')
  }, path)
}

/** The containers that the API on a socket lists. A busy machine may need several attempts. */
export async function containersOn(socket: string): Promise<readonly Container[]> {
  let containers: readonly Container[] = []
  await expect
    .poll(
      async () => {
        const answer = await readContainers({ sockets: [socket] })
        containers = answer.containers
        return answer.unreachable
      },
      { timeout: 30_000 },
    )
    .toEqual([])
  return containers
}
