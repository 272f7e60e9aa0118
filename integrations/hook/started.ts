import type { Command } from './commands.js'

interface Server {
  /** The words that its command line begins with. */
  readonly begins: RegExp
  /** What names a port in the words after them. */
  readonly port: RegExp
}

const LONG_FLAG = /(?:^| )--port[= ](\d+)(?= |$)/g
const ANY_FLAG = /(?:^| )(?:--port[= ]|-p[= ]?)(\d+)(?= |$)/g

/** Options before a subcommand, which a value may follow. */
const OPTIONS = String.raw`( -\S+( [^-\s]\S*)?)*?`

/** The programs that serve, and how they are told a port. */
const SERVERS: readonly Server[] = [
  {
    begins:
      /^(next|vite|vitepress|parcel|webpack-dev-server|eleventy|http-server|live-server|json-server|puma|daphne|serve)(?! (build|optimize|lint|info|init|watch|help)\b)(?= |$)/,
    port: ANY_FLAG,
  },
  {
    begins: new RegExp(
      `^(nuxt|nuxi|astro|remix|react-router|vinxi|ng|wrangler|storybook|webpack|docusaurus|rsbuild|gatsby|flask|hugo|rails|jekyll)${OPTIONS} (dev|develop|start|serve|server|s|preview|run)(?= |$)`,
    ),
    port: ANY_FLAG,
  },
  {
    begins: new RegExp(
      `^(npm|pnpm|yarn|bun)(${OPTIONS} (run|workspace \\S+))?${OPTIONS} (\\S+:)?(dev|develop|start|serve|server|preview|watch)\\b`,
    ),
    port: ANY_FLAG,
  },
  // For some of these -p is something else.
  {
    begins:
      /^(node|bun|deno|tsx|nodemon|uvicorn|fastapi|hypercorn|streamlit|jupyter)(?! (test|install|add|i|x)\b)(?= |$)/,
    port: LONG_FLAG,
  },
  { begins: /^php artisan serve\b/, port: LONG_FLAG },
  { begins: /^serve\b/, port: /(?:^| )(?:-l|--listen)[= ](?:\S*:)?(\d+)(?= |$)/g },
  { begins: /^(gunicorn|hypercorn)\b/, port: /(?:^| )(?:-b|--bind)[= ]\S*:(\d+)(?= |$)/g },
  { begins: /^python[\d.]* -m http\.server\b/, port: /(?:^| )(\d+)(?= |$)/g },
  {
    begins: /^(python[\d.]* )?(\S*\/)?manage\.py runserver\b/,
    port: /(?:^| )(?:\S+:)?(\d+)(?= |$)/g,
  },
  { begins: /^php (?=(.* )?-S)/, port: /(?:^| )-S ?\S*:(\d+)(?= |$)/g },
]

/** Programs that may serve and are told a port by PORT alone. */
const READS_PORT =
  /^(python[\d.]*|ruby|rackup|java|php|perl|ts-node|bash|sh|make|just|mix|foreman|overmind|honcho|air|dev|\S+\.(sh|[cm]?[jt]s|py|rb)|(bundle exec|go run|cargo run|dotnet (run|watch))|\S*server)(?! (test|install|build|lint|check)\b)(?= |$)/

/** The options of `docker run` end at the image; its arguments are the container's. */
const RUN_OPTIONS =
  /^(?:docker|podman) (?:container )?run((?: (?:-[ditPq]*[acehlmpuvw] \S+|--(?!(?:rm|init|privileged|read-only|detach|interactive|tty|publish-all|quiet|replace)(?: |$))[a-z-]+ \S+|-\S+))*)/

const PUBLISHED = /(?:^| )(?:-[ditPq]*p|--publish)[= ]?(?:[\d.]+:|\[[\da-f:]+\]:)?(\d+):\d+/g

/** The ports on which the command would start servers, as far as its words tell. */
export function startedBy({ words, variables }: Command, cli: string): number[] {
  // The registry's own command chooses the port.
  if (words[0] === cli) return []
  const line = words.map((word) => word ?? '$').join(' ')
  const options = RUN_OPTIONS.exec(line)?.[1]
  if (options !== undefined) return numbersIn(options, PUBLISHED)
  // A package manager also runs the programs of packages: pnpm vite.
  const lines = [line, line.replace(/^((pnpm|yarn|bun)( run)?|bundle exec) /, '')]
  const servers = SERVERS.flatMap(({ begins, port }) =>
    lines.flatMap((each) => {
      const beginning = begins.exec(each)?.[0]
      return beginning === undefined ? [] : [{ rest: each.slice(beginning.length), port }]
    }),
  )
  const isReader = servers.length > 0 || READS_PORT.test(line)
  return [
    ...servers.flatMap(({ rest, port }) => numbersIn(rest, port)),
    ...(isReader ? [Number(variables.get('PORT') ?? 0)] : []),
  ]
}

function numbersIn(text: string, port: RegExp): number[] {
  return [...text.matchAll(port)].map(([, number]) => Number(number))
}
