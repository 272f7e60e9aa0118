import { parseArgs } from 'node:util'
import manifest from '../package.json' with { type: 'json' }

const HELP = `Usage: ports-mcp

Serves the port registry over MCP, on standard input and output. An MCP client starts it, and needs
no arguments. The settings are those of ports: ports config list.

Options:
  -v, --version  print the version
  -h, --help     print this help
`

/**
 * The text that the arguments ask for. Undefined without any: then the program is to serve.
 * @throws {TypeError} for any other argument
 */
export function textFor(args: string[]): string | undefined {
  const options = {
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean', short: 'v' },
  } as const
  const { help, version } = parseArgs({ args, options }).values
  if (help) return HELP
  return version ? `${manifest.version}\n` : undefined
}
