import { readFileSync } from 'node:fs'

/** What publish/package.json names. The owner chooses these names when publishing. */
interface Manifest {
  readonly name: string
  readonly version: string
  readonly author: string
  readonly repository: { readonly url: string }
  /** The name in the MCP registry, which compares it with the published package. */
  readonly mcpName: string
  readonly bin: Readonly<Record<string, string>>
}

const DESCRIPTION = 'The registry that gives every service a port of its own'

/** The files that name the package or its commands, by their paths from this directory. */
export function render(): Map<string, string> {
  const manifest: Manifest = JSON.parse(read('../publish/package.json'))
  const { name, version, author } = manifest
  const repository = webAddress(manifest.repository.url)
  const cli = commandOf(manifest, 'ports.js')
  const mcp = commandOf(manifest, 'ports-mcp.js')
  const server = { command: mcp, args: [] }
  const plugin = {
    name: 'ports',
    version,
    description: DESCRIPTION,
    author: { name: author },
    repository,
    license: 'MIT',
  }
  const texts = { package: name, version, repository, cli, mcp, ...linksTo(server) }
  return new Map([
    ['mcp.json', json({ mcpServers: { ports: server } })],
    ['vscode.mcp.json', json({ servers: { ports: { type: 'stdio', ...server } } })],
    ['server.json', json(registryEntry(manifest, mcp))],
    ['.claude-plugin/marketplace.json', json(marketplace(author))],
    ['claude-code/.claude-plugin/plugin.json', json(plugin)],
    ['claude-code/.mcp.json', json({ mcpServers: { ports: server } })],
    ['claude-code/hooks/hooks.json', json(hooks(cli))],
    ['claude-code/skills/ports/SKILL.md', fill(read('templates/SKILL.md'), texts)],
    ['AGENTS.md', fill(read('templates/AGENTS.md'), texts)],
    ['README.md', fill(read('templates/README.md'), texts)],
  ])
}

/** npm wants the address that Git uses, and all others the one for a browser. */
function webAddress(url: string): string {
  return url.replace(/^git\+/, '').replace(/\.git$/, '')
}

function commandOf({ bin }: Manifest, file: string): string {
  return Object.keys(bin).find((name) => bin[name]!.endsWith(`/${file}`))!
}

interface Stdio {
  readonly command: string
  readonly args: readonly string[]
}

/** https://cursor.com/docs/mcp/install-links and https://code.visualstudio.com/api/extension-guides/ai/mcp */
function linksTo(server: Stdio) {
  const config = Buffer.from(JSON.stringify(server)).toString('base64')
  const named = JSON.stringify({ name: 'ports', type: 'stdio', ...server })
  return {
    cursorLink: `cursor://anysphere.cursor-deeplink/mcp/install?name=ports&config=${encodeURIComponent(config)}`,
    vscodeLink: `vscode:mcp/install?${encodeURIComponent(named)}`,
    vscodeArgument: named,
  }
}

/** https://github.com/modelcontextprotocol/registry/blob/main/docs/reference/server-json */
function registryEntry({ name, version, mcpName, repository }: Manifest, mcp: string) {
  return {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name: mcpName,
    title: 'ports',
    description: DESCRIPTION,
    version,
    repository: { url: webAddress(repository.url), source: 'github' },
    packages: [
      {
        registryType: 'npm',
        identifier: name,
        version,
        runtimeHint: 'npx',
        // The package has several commands, and npx would run the one that is named like it.
        runtimeArguments: [
          { type: 'positional', value: '--yes' },
          { type: 'named', name: '--package', value: `${name}@${version}` },
          { type: 'positional', value: mcp },
        ],
        transport: { type: 'stdio' },
        environmentVariables: [
          {
            name: 'PORTS_DATABASE_URL',
            description: 'A PostgreSQL database to use instead of the embedded one',
            isRequired: false,
            isSecret: true,
          },
          {
            name: 'PORTS_HOSTNAME',
            description: 'The name of this machine, where several share a registry',
            isRequired: false,
          },
        ],
      },
    ],
  }
}

/** https://code.claude.com/docs/en/plugin-marketplaces */
function marketplace(author: string) {
  return {
    name: 'ports',
    description: DESCRIPTION,
    owner: { name: author },
    plugins: [{ name: 'ports', source: './claude-code', description: DESCRIPTION }],
  }
}

/** https://code.claude.com/docs/en/hooks */
function hooks(cli: string) {
  const command = `node "\${CLAUDE_PLUGIN_ROOT}/hooks/guard.mjs" ${cli}`
  return {
    description: 'Asks before a command ends a process of others, or serves on a port not held',
    hooks: {
      PreToolUse: [{ matcher: 'Bash', hooks: [{ type: 'command', command, timeout: 15 }] }],
    },
  }
}

/** @throws if a name that the text wants is missing */
function fill(template: string, texts: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const text = texts[name]
    if (text === undefined) throw new Error(`The template wants ${name}, which no name has.`)
    return text
  })
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}
