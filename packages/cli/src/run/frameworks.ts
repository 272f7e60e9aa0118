import type { Command } from './child.js'

/** Where a server should listen. */
export interface Target {
  /** In a shell command this is a variable, such as `$PORT`. */
  readonly port: number | string
  readonly host: string
}

interface Framework {
  /** The words a command line begins with, without the directory of the program. */
  readonly begins: RegExp
  readonly flags: (target: Target) => readonly string[]
}

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
  { begins: /^python3? (\S*\/)?manage\.py runserver\b/, flags: (to) => [`${to.host}:${to.port}`] },
  { begins: /^python3? -m http\.server\b/, flags: (to) => [`${to.port}`, '--bind', to.host] },
]

/** A flag that names a port, as these programs spell it. */
const NAMES_PORT = /^(--port|-p)(=|$)/

/** The words that make a command line listen there. None if it already names a port. */
export function portFlags({ program, args }: Command, target: Target): readonly string[] {
  const words = [program.split('/').at(-1)!, ...args]
  if (words.some((word) => NAMES_PORT.test(word))) return []
  const line = words.join(' ')
  return FRAMEWORKS.find(({ begins }) => begins.test(line))?.flags(target) ?? []
}
