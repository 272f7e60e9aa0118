import { nearestPackage, packageJsonIn } from '@ports/core'
import type { Command } from './child.js'
import { portFlags, type Target } from './frameworks.js'
import { managerNamed, managerOf, type PackageManager } from './packageManager.js'

/** A line that a shell would split into words without any other effect. */
const PLAIN = /^[\w./:=@%+,-]+( [\w./:=@%+,-]+)*$/
/** A line that is more than one command, or sets variables first. */
const SEVERAL = /[;&|<>(){}`\n]|^\s*\w+=/
/** A variable that a line sets before its program. */
const ASSIGNMENT = /^\w+=/

/** The command that was typed, with the flags that its program needs. */
export function typedCommand(words: readonly string[], directory: string, target: Target): Command {
  const [program = '', ...args] = words
  const script = runScript(program, args)
  const manager = managerNamed(program)
  if (script === undefined || !manager) return withFlags({ program, args }, target)
  const flags = scriptFlags(directory, script, argumentsOf(script, args, manager), target)
  const separator = args.includes('--') ? [] : manager.separator
  return { program, args: flags.length === 0 ? args : [...args, ...separator, ...flags] }
}

/** A command of `ports.json`, which may be a line for a shell. */
export function writtenCommand(line: string, directory: string, target: Target): Command {
  if (PLAIN.test(line) && !ASSIGNMENT.test(line)) {
    return typedCommand(line.split(' '), directory, target)
  }
  // With exec, where possible, the shell does not stay as a process of its own.
  return { program: 'sh', args: ['-c', SEVERAL.test(line) ? line : `exec ${line}`] }
}

/** Runs the `dev` script of the package with its package manager. Undefined if it has none. */
export function devScript(directory: string, target: Target): Command | undefined {
  const root = nearestPackage(directory)
  if (root === undefined || scriptOf(root, 'dev') === undefined) return undefined
  return typedCommand([managerOf(root).name, 'run', 'dev'], root, target)
}

/** A shell command that runs a script of the package, with the flags for the target if given. */
export function scriptLine(directory: string, script: string, target?: Target): string {
  const { name, separator } = managerOf(directory)
  const flags = target ? scriptFlags(directory, script, [], target) : []
  return [name, 'run', script, ...(flags.length > 0 ? [...separator, ...flags] : [])].join(' ')
}

function withFlags(command: Command, target: Target): Command {
  return { program: command.program, args: [...command.args, ...portFlags(command, target)] }
}

/** The name of the script in `npm run dev`, `pnpm dev`, `npm start`. */
function runScript(program: string, args: readonly string[]): string | undefined {
  const words = args.filter((word) => !word.startsWith('-'))
  if (words[0] === 'run' || words[0] === 'run-script') return words[1]
  return program === 'npm' && words[0] !== 'start' ? undefined : words[0]
}

/** Those of a package manager that it passes to the script. */
function argumentsOf(
  script: string,
  args: readonly string[],
  { separator }: PackageManager,
): readonly string[] {
  const first = args.indexOf('--')
  if (first !== -1) return args.slice(first + 1)
  return separator.length > 0 ? [] : args.slice(args.indexOf(script) + 1)
}

/** @param given the arguments that the script gets already */
function scriptFlags(
  directory: string,
  script: string,
  given: readonly string[],
  target: Target,
): readonly string[] {
  const root = nearestPackage(directory)
  const line = root === undefined ? undefined : scriptOf(root, script)
  if (line === undefined || !PLAIN.test(line)) return []
  const words = line.split(' ')
  const [program = '', ...args] = words.slice(words.findIndex((word) => !ASSIGNMENT.test(word)))
  return portFlags({ program, args: [...args, ...given] }, target)
}

export function scriptOf(root: string, name: string): string | undefined {
  const script = Object(packageJsonIn(root).scripts)[name]
  return typeof script === 'string' ? script : undefined
}
