import { resolve } from 'node:path'
import { forEachChild, parse, type Script, type SyntaxNode, type Word } from 'unbash'

/** One command of a shell script, such as `PORT=3000 npm run dev`. */
export interface Command {
  /** The program and its arguments. A word that the shell must expand first is undefined. */
  readonly words: readonly (string | undefined)[]
  /** The variables that are set for it, without those that the shell must expand first. */
  readonly variables: ReadonlyMap<string, string>
  /** Commands whose output it reads: before it in a pipe, or substituted in its words. */
  readonly inputs: readonly Command[]
  /** Where it runs, as far as `cd` tells. */
  readonly directory: string
}

/** The commands of a script, in their order, also those in loops, subshells and `bash -c`. */
export function commandsOf(script: string, directory: string): Command[] {
  const found: Command[] = []
  let current = directory
  const exported = new Map<string, string>()

  function visit(node: SyntaxNode, piped: readonly Command[]): void {
    if (node.type === 'Pipeline') {
      const start = found.length
      for (const each of node.commands) visit(each, found.slice(start))
      return
    }
    const start = found.length
    forEachChild(node, (child) => visit(child, []))
    if (node.type !== 'Command') return
    const inputs = [...piped, ...found.slice(start)]
    const assignments = new Map(
      [...node.prefix, ...node.args].flatMap((each) =>
        each.type === 'Assignment' ? assigned(each.name, each.value) : [],
      ),
    )
    const args = node.args.map((each) => (each.type === 'Word' ? literal(each) : each.text))
    const command = withoutWrappers({
      words: node.name ? [literal(node.name), ...args] : [],
      variables: new Map([...exported, ...assignments]),
      inputs,
      directory: current,
    })
    found.push(command)
    const [program, first, second] = command.words
    if (program === 'export') for (const [name, value] of assignments) exported.set(name, value)
    if (program === 'cd' && first !== undefined) current = resolve(current, first)
    if (/^(ba|da|z)?sh$/.test(program ?? '') && /^-\w*c$/.test(first ?? '') && second) {
      visit(parse(second), [])
    }
  }

  visit(parse(script) as Script, [])
  return found
}

function assigned(name: string, value: Word | { readonly type: 'ArrayValue' }) {
  const text = value.type === 'Word' ? literal(value) : undefined
  return text === undefined ? [] : [[name, text] as const]
}

/** What the word is, unless the shell must expand it first. */
function literal(word: Word): string | undefined {
  let isLiteral = true
  const look = (node: SyntaxNode) => {
    if (/Expansion$|Substitution$/.test(node.type)) isLiteral = false
    else forEachChild(node, look)
  }
  forEachChild(word, look)
  return isLiteral ? word.value : undefined
}

/** Programs that run the program after them. `timeout` takes a duration first. */
const WRAPPERS = /^(sudo|doas|env|nohup|setsid|exec|command|time|nice|timeout|cross-env)$/

function withoutWrappers(command: Command): Command {
  const [program, ...rest] = command.words
  if (!WRAPPERS.test(program ?? '')) {
    return { ...command, words: [program?.split('/').at(-1), ...rest] }
  }
  const variables = new Map(command.variables)
  let at = 0
  for (; at < rest.length; at++) {
    const set = /^(?<name>[A-Za-z_]\w*)=(?<value>.*)$/s.exec(rest[at] ?? '')?.groups
    if (set) variables.set(set.name!, set.value!)
    else if (!rest[at]?.startsWith('-') && !/^[\d.]+[smhd]?$/.test(rest[at] ?? '')) break
  }
  const words = rest.slice(at)
  return words.length === 0 ? command : withoutWrappers({ ...command, words, variables })
}
