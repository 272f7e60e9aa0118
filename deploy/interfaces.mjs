// The three interfaces of the registry: the library in a program that keeps running, an agent's MCP
// server, and the command line. The first two are opened once and must survive every failover.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { PortManager } from '@ports/core'
import { openRepository } from '@ports/db'

const MCP = fileURLToPath(new URL('../packages/mcp-server/dist/main.js', import.meta.url))
const CLI = fileURLToPath(new URL('../packages/cli/dist/main.js', import.meta.url))
const PROJECT = 'consilio'

export class Interfaces {
  #repository
  #manager
  #mcp
  #environment

  constructor(url) {
    this.#environment = { ...process.env, PORTS_DATABASE_URL: url, PORTS_HOSTNAME: 'emma' }
  }

  async open() {
    const { PORTS_DATABASE_URL, PORTS_HOSTNAME } = this.#environment
    this.#repository = await openRepository({ url: PORTS_DATABASE_URL })
    this.#manager = new PortManager(this.#repository, { hostname: PORTS_HOSTNAME })
    this.#mcp = new Client({ name: 'failover', version: '0' })
    await this.#mcp.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [MCP],
        env: this.#environment,
        stderr: 'ignore',
      }),
    )
  }

  /** Asks each interface once, all at the same time. Returns each answer and how long it took. */
  ask(service) {
    return Promise.all([
      timed('a running program', () => this.#manager.getOrAllocate(PROJECT, service)),
      timed('its running MCP server', () => this.#askMcp(service)),
      timed('ports get', () => this.#askCli(service)),
    ])
  }

  async #askMcp(serviceName) {
    const { isError, content, structuredContent } = await this.#mcp.callTool({
      name: 'get-port',
      arguments: { projectName: PROJECT, serviceName },
    })
    // The report has room for the code only.
    if (isError) throw new Error(content[0].text.split(':')[0])
    return structuredContent.port
  }

  async #askCli(service) {
    const asked = promisify(execFile)(process.execPath, [CLI, 'get', PROJECT, service], {
      env: this.#environment,
    })
    const { stdout } = await asked.catch((error) => {
      throw new Error(`exit ${error.code}`)
    })
    return Number(stdout)
  }

  async close() {
    await this.#mcp?.close()
    await this.#repository?.close()
  }
}

async function timed(name, call) {
  const start = performance.now()
  const seconds = () => (performance.now() - start) / 1000
  try {
    return { name, port: await call(), seconds: seconds() }
  } catch (error) {
    return { name, error: error.code ?? error.message, seconds: seconds() }
  }
}
