import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Context } from './Context.js'

/** An argument that the registry has names for. */
interface Wanted {
  /** As it is typed after `ports`. */
  readonly command: string
  readonly argument: 'project' | 'service'
  /** Set for a service. */
  readonly projectName: string | undefined
}

/** Commands whose project is a new one, which the registry does not know yet. */
const WITHOUT_NAMES = ['range create']

/** The name of the registry that the last word stands for, if any. */
export function wantedName(
  program: CommandUnknownOpts,
  words: readonly string[],
): Wanted | undefined {
  const path: string[] = []
  let command = program
  let rest = words.slice(0, -1)
  while (command.commands.length > 0) {
    const { operands, unknown } = command.parseOptions([...rest])
    const next = command.commands.find((known) => known.name() === operands[0])
    if (!next) return undefined
    path.push(next.name())
    command = next
    rest = [...operands.slice(1), ...unknown]
  }
  const { operands } = command.parseOptions([...rest])
  const known = command.registeredArguments
  const last = known.at(-1)?.variadic ? known.at(-1) : undefined
  const argument = (known[operands.length] ?? last)?.name()
  const name = path.join(' ')
  if (WITHOUT_NAMES.includes(name)) return undefined
  if (argument !== 'project' && argument !== 'service') return undefined
  return { command: name, argument, projectName: operands[0] }
}

/** The projects that have a range, or the services of a project that hold a port. */
export async function registeredNames(
  { argument, projectName }: Wanted,
  askRunning: Context['askRunning'],
): Promise<string[]> {
  const names = await askRunning(async (ports) => {
    if (argument === 'project') return (await ports.listRanges()).map((range) => range.projectName)
    const held = await ports.listByProject(projectName ?? '')
    return held.map(({ serviceName }) => serviceName)
  })
  return [...new Set(names)].sort()
}
