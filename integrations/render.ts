import { readFileSync } from 'node:fs'

/** The names that the owner chooses when publishing. They are in names.json, and nowhere else. */
interface Names {
  /** On npm. */
  readonly package: string
  /** The URL of the Git repository. */
  readonly repository: string
  /** In the MCP registry. */
  readonly registryName: string
  readonly owner: string
  /** The commands that the package installs. */
  readonly cli: string
  readonly mcp: string
}

const DESCRIPTION = 'The registry that gives every service a port of its own'

/** The files that name the package or its commands, by their paths from this directory. */
export function render(): Map<string, string> {
  const names: Names = JSON.parse(read('names.json'))
  const { version }: { version: string } = JSON.parse(read('../packages/mcp-server/package.json'))
  const server = { command: names.mcp, args: [] }
  const manifest = {
    name: 'ports',
    version,
    description: DESCRIPTION,
    author: { name: names.owner },
    repository: names.repository,
    license: 'MIT',
  }
  const texts = { ...names, version, ...linksTo(server) }
  return new Map([
    ['mcp.json', json({ mcpServers: { ports: server } })],
    ['vscode.mcp.json', json({ servers: { ports: { type: 'stdio', ...server } } })],
    ['server.json', json(registryEntry(names, version))],
    ['.claude-plugin/marketplace.json', json(marketplace(names, manifest.description))],
    ['claude-code/.claude-plugin/plugin.json', json(manifest)],
    ['claude-code/.mcp.json', json({ mcpServers: { ports: server } })],
    ['claude-code/hooks/hooks.json', json(hooks(names))],
    ['claude-code/skills/ports/SKILL.md', fill(read('templates/SKILL.md'), texts)],
    ['AGENTS.md', fill(read('templates/AGENTS.md'), texts)],
    ['README.md', fill(read('templates/README.md'), texts)],
  ])
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
function registryEntry(names: Names, version: string) {
  return {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name: names.registryName,
    title: 'ports',
    description: DESCRIPTION,
    version,
    repository: { url: names.repository, source: 'github' },
    packages: [
      {
        registryType: 'npm',
        identifier: names.package,
        version,
        runtimeHint: 'npx',
        // The package has several commands, and npx would run the one that is named like it.
        runtimeArguments: [
          { type: 'positional', value: '--yes' },
          { type: 'named', name: '--package', value: `${names.package}@${version}` },
          { type: 'positional', value: names.mcp },
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
function marketplace(names: Names, description: string) {
  return {
    name: 'ports',
    description,
    owner: { name: names.owner },
    plugins: [{ name: 'ports', source: './claude-code', description }],
  }
}

/** https://code.claude.com/docs/en/hooks */
function hooks(names: Names) {
  const command = `node "\${CLAUDE_PLUGIN_ROOT}/hooks/guard.mjs" ${names.cli}`
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
    if (text === undefined) throw new Error(`names.json has no ${name}`)
    return text
  })
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}
