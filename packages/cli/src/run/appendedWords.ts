import { resolve } from 'node:path'
import { nearestPackage, packageJsonIn } from '@ports/core'
import { portFlags, type Target } from './frameworks.js'
import { managerNamed, type PackageManager } from './packageManager.js'
import { seenThrough } from './runners.js'

/** A line that a shell would split into words without any other effect. */
export const PLAIN = /^[\w./:=@%+,-]+( [\w./:=@%+,-]+)*$/
/** A variable that a line sets before its program. */
export const ASSIGNMENT = /^\w+=/

/** Options of package managers with which they run a script of another package. */
const ELSEWHERE = /^(-[CFrw]|--(cwd|dir|filter|prefix|recursive|workspaces?))(=|$)/

/** How many scripts may call each other. */
const MAX_SCRIPTS = 5

/**
 * The words to append to a command so that the server which it starts listens on the target. Sees
 * through package runners and through scripts of the package. None if it is not clear that the words
 * would become arguments of that server, or that it needs them.
 */
export function appendedWords(
  words: readonly string[],
  directory: string,
  target: Target,
  scripts = 0,
): readonly string[] {
  const [program, ...args] = words
  if (program === undefined || scripts > MAX_SCRIPTS) return []
  const flags = portFlags({ program, args }, target)
  if (flags.length > 0) return flags
  const seen = seenThrough(words)
  if (seen) {
    const inner = appendedWords(seen.words, directory, target, scripts)
    return inner.length === 0 ? [] : [...seen.separator, ...inner]
  }
  return wordsForScript(program, args, directory, target, scripts)
}

/**
 * As `appendedWords`, for a line of a shell. If it is several commands, the words are for the last
 * one, which runs if those before it succeed.
 * @param given words that are appended to the line anyway
 */
export function appendedToLine(
  line: string,
  given: readonly string[],
  directory: string,
  target: Target,
  scripts = 0,
): readonly string[] {
  const commands = line.split(' && ')
  if (!commands.every((each) => PLAIN.test(each))) return []
  const cwd = commands.slice(0, -1).reduce(directoryAfter, directory)
  const words = commands.at(-1)!.split(' ')
  const first = words.findIndex((word) => !ASSIGNMENT.test(word))
  return first === -1 ? [] : appendedWords([...words.slice(first), ...given], cwd, target, scripts)
}

function directoryAfter(directory: string, command: string): string {
  const path = /^cd ([^- ]\S*)$/.exec(command)?.[1]
  return path === undefined ? directory : resolve(directory, path)
}

function wordsForScript(
  program: string,
  args: readonly string[],
  directory: string,
  target: Target,
  scripts: number,
): readonly string[] {
  const script = runScript(program, args)
  const manager = managerNamed(program)
  const root = nearestPackage(directory)
  if (!manager || script === undefined || root === undefined) return []
  if (runsElsewhere(script, args, manager)) return []
  const line = scriptOf(root, script)
  // Without such a script, the other managers run a program that a package has installed.
  if (line === undefined) {
    const [first, ...rest] = args[0] === 'run' ? args.slice(1) : args
    if (program === 'npm' || first !== script) return []
    return appendedWords([script, ...rest], directory, target, scripts + 1)
  }
  const given = argumentsOf(script, args, manager)
  const words = appendedToLine(line, given, root, target, scripts + 1)
  if (words.length === 0) return []
  return [...(args.includes('--') ? [] : manager.separator), ...words]
}

/** The name of the script in `npm run dev`, `pnpm dev`, `npm start`. */
function runScript(program: string, args: readonly string[]): string | undefined {
  const words = args.filter((word) => !word.startsWith('-'))
  if (words[0] === 'run' || words[0] === 'run-script') return words[1]
  return program === 'npm' && words[0] !== 'start' ? undefined : words[0]
}

function runsElsewhere(
  script: string,
  args: readonly string[],
  { separator }: PackageManager,
): boolean {
  const end = separator.length > 0 ? args.indexOf('--') : args.indexOf(script)
  return (end === -1 ? args : args.slice(0, end)).some((word) => ELSEWHERE.test(word))
}

/** The arguments of a package manager that it passes to the script. */
function argumentsOf(
  script: string,
  args: readonly string[],
  { separator }: PackageManager,
): readonly string[] {
  const first = args.indexOf('--')
  if (first !== -1) return args.slice(first + 1)
  return separator.length > 0 ? [] : args.slice(args.indexOf(script) + 1)
}

export function scriptOf(root: string, name: string): string | undefined {
  const script = Object(packageJsonIn(root).scripts)[name]
  return typeof script === 'string' ? script : undefined
}
