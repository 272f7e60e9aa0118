import { seenThrough } from '../../packages/cli/src/run/runners.js'
import type { Command } from './commands.js'

interface Server {
  /** The words that its command line begins with. */
  readonly begins: RegExp
  /** What names a port in the words after them. */
  readonly port: RegExp
}

const LONG_FLAG = /(?:^| )--port[= ](\d+)(?= |$)/g
const ANY_FLAG = /(?:^| )(?:--port[= ]|-p[= ]?)(\d+)(?= |$)/g

/** The programs that serve, and how they are told a port. */
const SERVERS: readonly Server[] = [
  {
    begins:
      /^(next|nuxt|nuxi|vite|astro|remix|react-router|vinxi|ng serve|wrangler|storybook|vitepress|webpack|webpack-dev-server|docusaurus|rsbuild|eleventy|parcel|gatsby|http-server|live-server|json-server|flask|hugo|rails|jekyll|puma|daphne|serve)\b/,
    port: ANY_FLAG,
  },
  { begins: /^(npm|pnpm|yarn|bun)( run)? (dev|start|serve|preview)\b/, port: ANY_FLAG },
  // For some of these -p is something else.
  {
    begins: /^(node|bun|deno|tsx|nodemon|uvicorn|fastapi|hypercorn|streamlit|jupyter)\b/,
    port: LONG_FLAG,
  },
  { begins: /^serve\b/, port: /(?:^| )(?:-l|--listen)[= ](?:\S*:)?(\d+)(?= |$)/g },
  { begins: /^(gunicorn|hypercorn)\b/, port: /(?:^| )(?:-b|--bind)[= ]\S*:(\d+)(?= |$)/g },
  { begins: /^python3? -m http\.server\b/, port: /(?:^| )(\d+)(?= |$)/g },
  { begins: /^python3? (\S*\/)?manage\.py runserver\b/, port: /(?:^| )(?:\S+:)?(\d+)(?= |$)/g },
  { begins: /^php\b/, port: /(?:^| )-S ?\S*:(\d+)(?= |$)/g },
  {
    begins: /^(docker|podman) (container )?run\b/,
    port: /(?:^| )(?:-p|--publish)[= ]?(?:[\d.]+:|\[[\da-f:]+\]:)?(\d+):\d+/g,
  },
]

/** The ports on which the command would start servers, as far as its words tell. */
export function startedBy({ words, variables }: Command, cli: string): number[] {
  const known = words.map((word) => word ?? '$')
  // The registry's own command chooses the port.
  if (known[0] === cli) return []
  const line = (seenThrough(known)?.words ?? known).join(' ')
  const named = SERVERS.flatMap(({ begins, port }) => {
    const beginning = begins.exec(line)?.[0]
    if (beginning === undefined) return []
    return [...line.slice(beginning.length).matchAll(port)].map(([, number]) => number)
  })
  const ports = [...named, ...(known.length > 0 ? [variables.get('PORT') ?? ''] : [])]
  return ports.map(Number)
}
