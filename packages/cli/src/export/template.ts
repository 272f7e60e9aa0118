import { dirname } from 'node:path'
import { excerpt, invalidArgument, nameOfService } from '@ports/core'
import { Liquid } from 'liquidjs'
import { readInput } from '../readInput.js'
import type { Target } from './Target.js'
import { templateData } from './templateData.js'

/**
 * What a template makes of the ports.
 * @throws {PortsError} `INVALID_ARGUMENT` if it cannot be read or parsed, or has an unknown variable
 */
export async function templateTarget(file: string): Promise<Target> {
  const { source, content } = await readInput(file, 'template')
  const engine = new Liquid({
    root: dirname(file),
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
  })
  const template = during(source, () => engine.parse(content, source))
  return {
    async render(exported) {
      const data = await templateData(exported)
      const whole = during(source, () => engine.renderSync(template, data))
      const services = new Set(exported.allocations.map(nameOfService)).size
      return { whole, isBare: true, services, omissions: [] }
    },
  }
}

function during<Result>(source: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const expected = `a Liquid template that fits the data (${reason}${lineOf(error)})`
    throw invalidArgument('template', source, expected)
  }
}

/** The line with the error, which may be in another file that the template renders. */
function lineOf(error: unknown): string {
  const { context } = error as { readonly context?: string }
  const line = /^>> *\d+\| (?<text>.*)$/m.exec(context ?? '')?.groups?.text?.trim()
  return line ? `: ${excerpt(line, MAX_LINE)}` : ''
}

/** In characters. */
const MAX_LINE = 200
