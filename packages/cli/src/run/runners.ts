interface Runner {
  /** The words up to the program that it runs. Options that a value may follow are unknown here. */
  readonly begins: RegExp
  /** The word that it needs before the arguments of the program. */
  readonly separator?: string
}

/** Programs that run the program after them with the words after that. */
const RUNNERS: readonly Runner[] = [
  { begins: /^(npx|pnpx|bunx)( (-y|-q|--yes|--quiet|--no-install|--bun|--))* / },
  { begins: /^npm (exec|x)( (-y|--yes))* -- / },
  { begins: /^npm (exec|x)( (-y|--yes))* /, separator: '--' },
  { begins: /^pnpm( (-s|--silent))* (exec|dlx)( --)? / },
  { begins: /^yarn dlx / },
  { begins: /^bun x( --bun)? / },
  { begins: /^(uv|poetry|pipenv) run / },
  { begins: /^(env|cross-env)( \w+=\S*)+ / },
  { begins: /^python3? -m (?!http\.server)/ },
]

interface Seen {
  /** The program and its arguments. */
  readonly words: readonly string[]
  readonly separator: readonly string[]
}

/** The command that a runner of packages or modules runs. Undefined if it is none. */
export function seenThrough(words: readonly string[]): Seen | undefined {
  const line = words.join(' ')
  for (const { begins, separator } of RUNNERS) {
    const beginning = begins.exec(line)?.[0]
    if (beginning === undefined) continue
    const [program = '', ...args] = words.slice(beginning.split(' ').length - 1)
    if (program.startsWith('-')) return undefined
    const isSeparated = separator === undefined || args.includes(separator)
    // A package may be named with a version.
    const name = program.replace(/(?<=.)@[^@/]*$/, '')
    return { words: [name, ...args], separator: isSeparated ? [] : [separator] }
  }
  return undefined
}
