import { seenThrough } from '../../packages/cli/src/run/runners.js'
import type { Command } from './commands.js'

/** Programs that run the program after them, and those of their options whose value is the next word. */
const RUNNERS: ReadonlyMap<string, RegExp> = new Map([
  [
    'sudo',
    /^(-[CDghpRrTtUu]|--(chdir|chroot|close-from|command-timeout|group|host|other-user|prompt|role|type|user))$/,
  ],
  ['doas', /^-[Cu]$/],
  ['env', /^(-[Cu]|--(chdir|unset))$/],
  ['timeout', /^(-[ks]|--(kill-after|signal))$/],
  ['nice', /^(-n|--adjustment)$/],
  ['time', /^(-[fo]|--(format|output))$/],
  ['exec', /^-a$/],
  ...['command', 'cross-env', 'nohup', 'setsid'].map((name) => [name, /^$/] as const),
])

/** The command that is run in the end, with the variables that its runners set for it. */
export function withoutRunners(command: Command): Command {
  const [program, ...rest] = command.words
  const name = program?.split('/').at(-1) ?? ''
  const taking = RUNNERS.get(name)
  if (!taking) return withoutRunnersOfPackages(command)
  const variables = new Map(command.variables)
  let at = 0
  let hasDuration = name !== 'timeout'
  for (; at < rest.length; at++) {
    const word = rest[at] ?? ''
    const set = /^(?<name>[A-Za-z_]\w*)=(?<value>.*)$/s.exec(word)?.groups
    if (set) variables.set(set.name!, set.value!)
    else if (taking.test(word)) at++
    else if (!word.startsWith('-') && hasDuration) break
    else if (!word.startsWith('-')) hasDuration = true
  }
  const words = rest.slice(at)
  return words.length === 0 ? command : withoutRunners({ ...command, words, variables })
}

function withoutRunnersOfPackages(command: Command): Command {
  const { words } = command
  const seen = seenThrough(words.map((word) => word ?? '$'))
  if (!seen) return { ...command, words: [words[0]?.split('/').at(-1), ...words.slice(1)] }
  const [program, ...args] = seen.words
  return withoutRunners({
    ...command,
    words: [program, ...words.slice(words.length - args.length)],
  })
}
