import { nearestPackage } from '@ports/core'
import { commandLine } from '../commandLine.js'
import { ASSIGNMENT, appendedToLine, appendedWords, PLAIN, scriptOf } from './appendedWords.js'
import type { Command } from './child.js'
import type { Target } from './frameworks.js'
import { managerOf } from './packageManager.js'

/** A line that is more than one command, or sets variables first. */
const SEVERAL = /[;&|<>(){}`\n]|^\s*\w+=/

/** The command that was typed, with the flags that its program needs. */
export function typedCommand(words: readonly string[], directory: string, target: Target): Command {
  const [program = '', ...args] = words
  return { program, args: [...args, ...appendedWords(words, directory, target)] }
}

/** A command of `ports.json`, which may be a line for a shell. */
export function writtenCommand(line: string, directory: string, target: Target): Command {
  if (PLAIN.test(line) && !ASSIGNMENT.test(line)) {
    return typedCommand(line.split(' '), directory, target)
  }
  const flags = appendedToLine(line, [], directory, target)
  const whole = flags.length === 0 ? line : `${line} ${commandLine(...flags)}`
  // With exec, where possible, the shell does not stay as a process of its own.
  return { program: 'sh', args: ['-c', SEVERAL.test(line) ? whole : `exec ${whole}`] }
}

/** Runs the `dev` script of the package with its package manager. Undefined if it has none. */
export function devScript(directory: string, target: Target): Command | undefined {
  const root = nearestPackage(directory)
  if (root === undefined || scriptOf(root, 'dev') === undefined) return undefined
  return typedCommand([managerOf(root).name, 'run', 'dev'], root, target)
}

/** A shell command that runs a script of the package, with the flags for the target if given. */
export function scriptLine(directory: string, script: string, target?: Target): string {
  const command = [managerOf(directory).name, 'run', script]
  return [...command, ...(target ? appendedWords(command, directory, target) : [])].join(' ')
}
