import { dirname } from 'node:path'
import { excerpt, invalidArgument, nameOfService } from '@ports/core'
import { Liquid } from 'liquidjs'
import { readInput } from '../readInput.js'
import type { Target } from './Target.js'
import { templateData } from './templateData.js'

/**
 * A target that renders a template in Liquid.
 * @throws {PortsError} `INVALID_ARGUMENT` if the template cannot be read or parsed. Rendering throws
 * it too, if the template uses an unknown variable or filter, or exceeds a limit.
 */
export async function templateTarget(file: string): Promise<Target> {
  const { source, content } = await readInput(file, 'template')
  const engine = new Liquid({
    root: dirname(file),
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    renderLimit: MAX_RENDER_MS,
    memoryLimit: MAX_ITEMS,
  })
  const template = during(source, () => engine.parse(content, source))
  return {
    name: 'template',
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

/** The text of the line with the error, which may be in another file that the template includes. */
function lineOf(error: unknown): string {
  const { context } = error as { readonly context?: string }
  const line = /^>> *\d+\| (?<text>.*)$/m.exec(context ?? '')?.groups?.text?.trim()
  return line ? `: ${excerpt(line, MAX_LINE_LENGTH)}` : ''
}

/** Stops a template with an endless loop. */
const MAX_RENDER_MS = 10_000
/** A limit on the characters and list items that a template creates in total. */
const MAX_ITEMS = 50_000_000

const MAX_LINE_LENGTH = 200
