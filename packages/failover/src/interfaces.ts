import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { PortManager, type PortRepository, PortsError } from '@ports/core'
import { openRepository } from '@ports/db'
import { environmentOn, MCP_SERVER, portsOn } from '@ports/testkit'
import { connectMcp } from '@ports/testkit/mcp'

const PROJECT = 'consilio'
const HOST = { PORTS_HOSTNAME: 'emma' }

/** The answer of an interface, and how long it took. */
export interface Answer {
  readonly name: string
  readonly port?: number
  readonly error?: string
  readonly seconds: number
}

/**
 * The three interfaces of the registry: the library in a program that keeps running, an agent's MCP
 * server, and the command line. The first two are opened once and must survive every failover.
 */
export class Interfaces {
  readonly #url: string
  #repository: PortRepository | undefined
  #mcp: Client | undefined

  constructor(url: string) {
    this.#url = url
  }

  async open() {
    this.#repository = await openRepository({ url: this.#url })
    this.#mcp = await connectMcp([process.execPath, MCP_SERVER], environmentOn(this.#url, HOST))
  }

  /** Asks each interface once, all at the same time. */
  ask(service: string): Promise<Answer[]> {
    return Promise.all([
      timed('a running program', () => this.#askLibrary(service)),
      timed('its running MCP server', () => this.#askMcp(service)),
      timed('ports get', () => this.#askCli(service)),
    ])
  }

  async #askLibrary(service: string) {
    const ports = new PortManager(this.#repository!, { hostname: HOST.PORTS_HOSTNAME })
    return ports.getOrAllocate(PROJECT, service)
  }

  async #askMcp(serviceName: string) {
    const { isError, content, structuredContent } = await this.#mcp!.callTool({
      name: 'get-port',
      arguments: { projectName: PROJECT, serviceName },
    })
    // The report has room for the code only.
    if (isError) throw new Error((content as { text: string }[])[0]!.text.split(':', 1).join(''))
    return (structuredContent as { port: number }).port
  }

  async #askCli(service: string) {
    const { stdout, status } = await portsOn(this.#url, HOST)('get', PROJECT, service)
    if (status !== 0) throw new Error(`exit ${status}`)
    return Number(stdout)
  }

  async close() {
    await this.#mcp?.close()
    await this.#repository?.close()
  }
}

async function timed(name: string, call: () => Promise<number>): Promise<Answer> {
  const start = performance.now()
  const seconds = () => (performance.now() - start) / 1000
  try {
    return { name, port: await call(), seconds: seconds() }
  } catch (error) {
    const told = error instanceof PortsError ? error.code : (error as Error).message
    return { name, error: told, seconds: seconds() }
  }
}
