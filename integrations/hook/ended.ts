import type { Command } from './commands.js'

/** What a command would end. */
export interface Ended {
  readonly ports: readonly number[]
  readonly pids: readonly number[]
  /** Arguments of `pgrep` that find the processes. */
  readonly searches: readonly (readonly string[])[]
  readonly containers: readonly Containers[]
}

export interface Containers {
  /** `docker` or `podman`. */
  readonly program: string
  readonly names: readonly string[]
  /** Arguments of the program that list more of them. */
  readonly lists: readonly (readonly string[])[]
  /** Where the program is called. */
  readonly directory: string
}

const NOTHING: Ended = { ports: [], pids: [], searches: [], containers: [] }

/** What the command would end, as far as its words tell. */
export function endedBy(command: Command): Ended {
  const [program, ...rest] = command.words
  const args = rest.flatMap((word) => word ?? [])
  switch (program) {
    case 'kill':
      return endedByKill(args, rest.includes(undefined) ? command.inputs : [])
    case 'pkill':
      return args.some(
        (arg, nth) =>
          arg === '-0' || /^--signal[= ]0$/.test(`${args[nth - 1]} ${arg}`) || arg === '--signal=0',
      )
        ? NOTHING
        : { ...NOTHING, searches: [searchOfPkill(args)] }
    case 'killall':
      return { ...NOTHING, searches: namesOf(args).map((name) => ['-x', name]) }
    case 'fuser':
      return args.some((arg) => /^(-\w*k\w*|--kill)$/.test(arg))
        ? { ...NOTHING, ports: portsOfFuser(args) }
        : NOTHING
    case 'kill-port':
      return { ...NOTHING, ports: numbersIn(args) }
    case 'xargs': {
      const at = args.findIndex((arg) => /^(kill|docker|podman)$/.test(arg))
      // What it reads comes last.
      return at < 0 ? NOTHING : endedBy({ ...command, words: [...args.slice(at), undefined] })
    }
    case 'docker':
    case 'podman':
      return endedByContainers(program, args, command)
    case 'docker-compose':
      return endedByContainers('docker', ['compose', ...args], command)
    default:
      return NOTHING
  }
}

function endedByKill(args: readonly string[], inputs: readonly Command[]): Ended {
  // Signal 0 ends nothing, and the lists of signals do not either.
  if (args.some((arg) => /^-(0|l|L|-list|-table)$/.test(arg))) return NOTHING
  if (args.some((arg, nth) => /^-[sn]$/.test(args[nth - 1] ?? '') && /^0$/.test(arg))) {
    return NOTHING
  }
  const separator = args.indexOf('--')
  const pids = args.filter((arg, nth) => {
    if (/^-[sn]$/.test(args[nth - 1] ?? '')) return false
    // A first argument such as -9 is a signal; later, or after --, it is a group of processes.
    return /^\d+$/.test(arg) || (/^-\d+$/.test(arg) && nth > 0 && nth > separator)
  })
  const sources = inputs.map((input) => namedBy(input, inputs))
  return {
    ...NOTHING,
    pids: pids.map((pid) => Math.abs(Number(pid))).filter((pid) => pid > 1),
    ports: sources.flatMap(({ ports }) => ports),
    searches: sources.flatMap(({ searches }) => searches),
  }
}

/** The processes whose numbers a command prints. */
function namedBy({ words }: Command, all: readonly Command[]): Pick<Ended, 'ports' | 'searches'> {
  const [program, ...rest] = words
  const args = rest.flatMap((word) => word ?? [])
  const none = { ports: [], searches: [] }
  const hasProgram = (names: RegExp) => all.some((each) => names.test(each.words[0] ?? ''))
  switch (program) {
    case 'lsof':
      return { ...none, ports: args.flatMap(portsOfLsof) }
    case 'fuser':
      return { ...none, ports: portsOfFuser(args) }
    case 'ss':
      return { ...none, ports: portsOfSs(args) }
    case 'pgrep':
      return { ...none, searches: [args] }
    case 'pidof':
      return { ...none, searches: namesOf(args).map((name) => ['-x', name]) }
    case 'grep': {
      const pattern = namesOf(args)[0]
      if (pattern === undefined || args.some((arg) => /^-\w*v/.test(arg))) return none
      const port = /^(?:\S*:)?(\d{2,5})\b(?!\.)/.exec(pattern)?.[1]
      if (port && hasProgram(/^(ss|netstat|lsof)$/)) return { ...none, ports: [Number(port)] }
      return hasProgram(/^ps$/) ? { ...none, searches: [['-f', '--', pattern]] } : none
    }
    default:
      return none
  }
}

/** Such as `-ti:3000`, `tcp:3000` and `:3000,3005-3010`. */
function portsOfLsof(arg: string): number[] {
  const list = /:(?<list>\d+(?:[,-]\d+)*)$/.exec(arg)?.groups?.list
  return (
    list?.split(',').flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number)
      return Array.from({ length: Math.min(last, 65_535) - first + 1 }, (_, nth) => first + nth)
    }) ?? []
  )
}

/** Such as `3000/tcp`, or `-n tcp 3000`. */
function portsOfFuser(args: readonly string[]): number[] {
  const hasSpace = args.some((arg) => /^(-\w*n(tcp|udp)?$|--namespace)/.test(arg))
  return args.flatMap((arg) => {
    const port = /^(?<port>\d+)(?<space>\/(tcp|udp))?$/.exec(arg)?.groups
    return port && (port.space || hasSpace) ? [Number(port.port)] : []
  })
}

/** Such as `sport = :3000`, in one argument or in several. */
function portsOfSs(args: readonly string[]): number[] {
  const named = args.join(' ').matchAll(/\b(?:sport\s*(?:==?|eq)?\s*|src\s+\S*):(\d+)/g)
  return [...named].map(([, port]) => Number(port))
}

/** `pgrep` takes the options of `pkill`, except for the signal. */
function searchOfPkill(args: readonly string[]): string[] {
  return args.filter(
    (arg, nth) =>
      !/^(-\d+|-[A-Z]{2,}\d*|-e|--echo|--signal(=.*)?)$/.test(arg) && args[nth - 1] !== '--signal',
  )
}

function namesOf(args: readonly string[]): string[] {
  return args.filter(
    (arg, nth) => !arg.startsWith('-') && !/^-(s|-signal)$/.test(args[nth - 1] ?? ''),
  )
}

function numbersIn(args: readonly string[]): number[] {
  return args.filter((arg) => /^\d+$/.test(arg)).map(Number)
}

function endedByContainers(
  program: string,
  words: readonly string[],
  { words: all, inputs, directory }: Command,
): Ended {
  if (words[0] === 'compose') {
    // Without a word that only the shell can expand, another project would be listed.
    return all.includes(undefined) ? NOTHING : endedByCompose(program, words.slice(1), directory)
  }
  const [verb, ...args] = words[0] === 'container' ? words.slice(1) : words
  const isEnd =
    /^(stop|kill|restart)$/.test(verb ?? '') ||
    (verb === 'rm' && args.some((arg) => /^(-\w*f\w*|--force)$/.test(arg)))
  if (!isEnd) return NOTHING
  const names = operandsOf(args)
  const lists = inputs.flatMap((input) => {
    const [lister, ...listed] = input.words.flatMap((word) => word ?? [])
    // Without a filter that only the shell can expand, it would list more.
    if (input.words.includes(undefined)) return []
    return lister === program && listed[0] === 'ps' ? [listed] : []
  })
  return { ...NOTHING, containers: [{ program, names, lists, directory }] }
}

/** Options of Compose, before its verb, whose value is the next word. */
const COMPOSE_OPTIONS =
  /^(-[fp]|--(ansi|env-file|file|parallel|profile|progress|project-directory|project-name))$/

function endedByCompose(program: string, args: readonly string[], directory: string): Ended {
  const at = args.findIndex(
    (arg, nth) => !arg.startsWith('-') && !COMPOSE_OPTIONS.test(args[nth - 1] ?? ''),
  )
  // Only with one of these verbs are the words before it options, which are safe to repeat.
  if (!/^(down|stop|kill|restart)$/.test(args[at] ?? '')) return NOTHING
  const list = ['compose', ...args.slice(0, at), 'ps', '-q', ...operandsOf(args.slice(at + 1))]
  return { ...NOTHING, containers: [{ program, names: [], lists: [list], directory }] }
}

function operandsOf(args: readonly string[]): string[] {
  return args.filter(
    (arg, nth) =>
      !arg.startsWith('-') && !/^-(t|s|-rmi|-signal|-time|-timeout)$/.test(args[nth - 1] ?? ''),
  )
}
