import type { Command } from './child.js'

/** The place where a server should listen. */
export interface Target {
  /** In a shell command this is a variable, such as `$PORT`. */
  readonly port: number | string
  readonly host: string
}

interface Framework {
  /** The words a command line begins with, without the directory of the program. */
  readonly begins: RegExp
  /** @param words those after the beginning */
  readonly flags: (target: Target, words: readonly string[]) => readonly string[]
  /** Whether the words after the beginning name a port. Unless given, a flag does. */
  readonly namesPort?: (words: readonly string[]) => boolean
}

/** For programs that take a port without a flag. The options are those that a value follows. */
const hasOperand = (options: RegExp) => (words: readonly string[]) =>
  words.some((word, nth) => !word.startsWith('-') && !options.test(words[nth - 1] ?? ''))

const port = (flag: string) => (target: Target) => [flag, `${target.port}`]

/** The programs that ignore `PORT`, and their flags. `pnpm frameworks` tries the real programs. */
const FRAMEWORKS: readonly Framework[] = [
  {
    begins: /^vite( dev| serve| preview)?( -|$)/,
    flags: (to) => ['--port', `${to.port}`, '--strictPort'],
  },
  { begins: /^react-router dev\b/, flags: port('--port') },
  { begins: /^astro (dev|preview)\b/, flags: port('--port') },
  { begins: /^ng serve\b/, flags: port('--port') },
  { begins: /^wrangler (pages )?dev\b/, flags: port('--port') },
  { begins: /^storybook dev\b/, flags: port('--port') },
  { begins: /^vitepress dev\b/, flags: port('--port') },
  { begins: /^webpack(-dev-server| serve)\b/, flags: port('--port') },
  { begins: /^docusaurus start\b/, flags: port('--port') },
  { begins: /^rsbuild dev\b/, flags: port('--port') },
  { begins: /^eleventy( .*)? --serve\b/, flags: port('--port') },
  { begins: /^flask( .*)? run\b/, flags: port('--port') },
  { begins: /^uvicorn /, flags: port('--port') },
  { begins: /^hugo (server|serve)\b/, flags: port('--port') },
  {
    begins: /^python3? (\S*\/)?manage\.py runserver\b/,
    flags: (to) => [`${to.host}:${to.port}`],
    namesPort: hasOperand(/^(-v|--verbosity|--settings|--pythonpath)$/),
  },
  {
    begins: /^python3? -m http\.server\b/,
    flags: (to, words) => {
      const namesAddress = words.some((word) => /^(-b|--bind(=|$))/.test(word))
      return [`${to.port}`, ...(namesAddress ? [] : ['--bind', to.host])]
    },
    // Here -p is a version of HTTP.
    namesPort: hasOperand(
      /^(-[bdp]|--(bind|directory|protocol|tls-cert|tls-key|tls-password-file))$/,
    ),
  },
]

/** A flag that names a port, as the other programs spell it. */
const PORT_FLAG = /^(--port(=|$)|-p(=|\d|$))/

/** The words that make a command line listen there. None if it already names a port. */
export function portFlags({ program, args }: Command, target: Target): readonly string[] {
  const words = [program.split('/').at(-1)!, ...args]
  const line = words.join(' ')
  for (const { begins, flags, namesPort } of FRAMEWORKS) {
    const beginning = begins.exec(line)?.[0]
    if (beginning === undefined) continue
    const rest = words.slice(beginning.split(' ').length)
    const isComplete = namesPort?.(rest) ?? words.some((word) => PORT_FLAG.test(word))
    return isComplete ? [] : flags(target, rest)
  }
  return []
}
