import { resolve } from 'node:path'
import {
  type Assignment,
  forEachChild,
  parse,
  type Script,
  type Command as ShellCommand,
  type SyntaxNode,
} from 'unbash'
import { withoutRunners } from './runners.js'
import { expansionOf, variablesIn, wordsOf } from './word.js'

/** One command of a shell script, such as `PORT=3000 npm run dev`. */
export interface Command {
  /** The program and its arguments. A word that only the shell can expand is undefined. */
  readonly words: readonly (string | undefined)[]
  /** The variables that are set for it, without those that only the shell can expand. */
  readonly variables: ReadonlyMap<string, string>
  /** Commands whose output it reads: from a pipe, a substitution, or a variable. */
  readonly inputs: readonly Command[]
  /** Where it runs, as far as `cd` tells. */
  readonly directory: string
}

/** The parts of a script that are read. A loop can repeat a part many times. */
const MAX_PARTS = 20_000
/** Values can grow with every assignment. */
const MAX_VALUE = 10_000

/** Commands that assign to variables of the shell. */
const DECLARES = /^(declare|export|local|readonly|typeset)$/

/**
 * The commands of a script, in their order, also those in loops, subshells and `bash -c`.
 * @throws if it is too long
 */
export function commandsOf(script: string, directory: string): Command[] {
  const reading = new Reading(directory)
  reading.read(script)
  return reading.found
}

class Reading {
  readonly found: Command[] = []
  readonly #exported = new Set<string>()
  readonly #values = new Map<string, string>()
  /** The commands whose output a variable has. */
  readonly #sources = new Map<string, readonly Command[]>()
  #directory: string
  #parts = 0

  constructor(directory: string) {
    this.#directory = directory
  }

  read(script: string): void {
    this.#visit(parse(script) as Script, [])
  }

  #visit(node: SyntaxNode, piped: readonly Command[]): void {
    if (++this.#parts > MAX_PARTS) throw new Error('it is too long to be read in full')
    switch (node.type) {
      case 'Pipeline': {
        const start = this.found.length
        for (const each of node.commands) this.#visit(each, [...piped, ...this.found.slice(start)])
        return
      }
      case 'Redirected':
        this.#visit(node.command, [...piped, ...node.redirects.flatMap(this.#inputsIn)])
        return
      case 'For':
        for (const word of node.wordlist ?? []) {
          const inputs = this.#inputsIn(word)
          for (const value of wordsOf(word, this.#values)) {
            this.#assign(node.name.value, value, inputs)
            this.#visit(node.body, piped)
          }
        }
        return
      case 'Command':
        this.#visitCommand(node, piped)
        return
      case 'Subshell': {
        const directory = this.#directory
        this.#visit(node.body, piped)
        this.#directory = directory
        return
      }
      default:
        forEachChild(node, (child) => {
          this.#visit(child, piped)
        })
    }
  }

  #visitCommand(node: ShellCommand, piped: readonly Command[]): void {
    const inputs = [...piped]
    const assignments: Assignment[] = []
    forEachChild(node, (child) => {
      const taken = this.#inputsIn(child)
      inputs.push(...taken)
      if (child.type !== 'Assignment') return
      assignments.push(child)
      // Before a program, it is set for that program alone.
      if (!node.name || DECLARES.test(node.name.value)) {
        this.#assign(child.name, this.#valueOf(child), taken)
      }
    })
    const args = node.args.flatMap((each) =>
      each.type === 'Word' ? wordsOf(each, this.#values) : [each.text],
    )
    const command = withoutRunners({
      words: node.name ? [...wordsOf(node.name, this.#values), ...args] : [],
      variables: this.#variablesFor(assignments),
      inputs,
      directory: this.#directory,
    })
    this.found.push(command)
    this.#follow(command, assignments)
  }

  /** Applies what a command of the shell changes for the commands after it. */
  #follow(command: Command, assignments: readonly Assignment[]): void {
    const [program, ...args] = command.words
    const [first] = args
    if (program === 'export') {
      for (const name of [...assignments.map((each) => each.name), ...args]) {
        if (name !== undefined) this.#exported.add(name)
      }
    }
    if (program === 'unset') for (const name of args) this.#assign(name ?? '', undefined, [])
    if (/^(read|mapfile|readarray)$/.test(program ?? '')) {
      for (const name of args) this.#assign(name ?? '', undefined, command.inputs)
    }
    if (program === 'cd' && first !== undefined) this.#directory = resolve(this.#directory, first)
    if (program === 'eval') this.read(args.map((arg) => arg ?? '').join(' '))
    if (/^(ba|da|z)?sh$/.test(program ?? '')) this.read(scriptIn(args) ?? '')
  }

  /** The commands whose output the node reads. */
  readonly #inputsIn = (node: SyntaxNode): Command[] => {
    const start = this.found.length
    this.#visit(node, [])
    const ofVariables = variablesIn(node).flatMap((name) => this.#sources.get(name) ?? [])
    return [...new Set([...this.found.slice(start), ...ofVariables])]
  }

  #assign(name: string, value: string | undefined, sources: readonly Command[]): void {
    this.#sources.set(name, sources)
    if (value === undefined || value.length > MAX_VALUE) this.#values.delete(name)
    else this.#values.set(name, value)
  }

  /** The exported variables, with those that are set for one command. */
  #variablesFor(assignments: readonly Assignment[]): ReadonlyMap<string, string> {
    const exported = [...this.#exported].map((name) => [name, this.#values.get(name)] as const)
    const own = assignments.map((each) => [each.name, this.#valueOf(each)] as const)
    const known = [...new Map([...exported, ...own])]
    return new Map(known.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
  }

  #valueOf({ value }: Assignment): string | undefined {
    return value.type === 'Word' ? expansionOf(value, this.#values) : undefined
  }
}

/** The script among the arguments of a shell, such as `-euo pipefail -c <script>`. */
function scriptIn(args: readonly (string | undefined)[]): string | undefined {
  for (let at = 0; /^[-+]/.test(args[at] ?? ''); at++) {
    if (/^-\w*c$/.test(args[at]!)) return args[at + 1]
    if (/o$/.test(args[at]!)) at++
  }
  return undefined
}
