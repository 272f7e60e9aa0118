import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { nearestName, textOfFile } from '@ports/core'
import { Findings, type SourceFile } from './Findings.js'
import { portIn } from './portIn.js'

const PROCESS = /^(?<name>[A-Za-z0-9_-]+):\s*(?<command>.+)$/

/** Matches the numbers that a command names. */
const NUMBERS = [
  /(?:^|[\s"'])PORT=["']?(\d+)/g,
  /\$\{PORT:?-(\d+)\}/g,
  /(?:^|\s)(?:-p|--port)[ =]?["']?(\d+)(?=["'\s]|$)/g,
  /(?:^|\s)(?:-b|--bind)[ =]["']?[\w.[\]:]*:(\d+)(?=["'\s]|$)/g,
]

const HAS_DEFAULT = /\$\{PORT:?-\d/

/** foreman(1): the first process gets this port, or `PORT` from `.env`, and each next one 100 more. */
const FIRST_PORT = 5000
const STEP = 100

/** The numbers that the commands of a Procfile name. */
export function readProcfile({ content, directory }: SourceFile): Findings {
  const found = new Findings()
  const first = firstPort(directory)
  let count = 0
  content.split(/\r?\n/).forEach((line, index) => {
    const place = `line ${index + 1}`
    if (/^\s*(#|$)/.test(line)) return
    const { name = '', command = '' } = PROCESS.exec(line)?.groups ?? {}
    const serviceName = nearestName(name)
    if (serviceName === undefined) {
      found.skip(place, `${line.trim()} is not a process`)
      return
    }
    const given = `foreman would set PORT to ${first + STEP * count++}`
    const numbers = numbersIn(command)
    if (numbers.length === 0) {
      found.skip(place, `${name} names no port, and ${given}`)
      return
    }
    for (const portNumber of numbers) {
      found.add(place, { serviceName, portNumber, protocol: 'tcp' })
    }
    if (numbers.length > 1) {
      found.note(
        place,
        `${name} names ${numbers.length} ports, but a process has only one PORT: ${numbers[0]}`,
      )
    } else if (HAS_DEFAULT.test(command)) {
      found.note(place, `${name} uses ${numbers[0]} if PORT is not set, and ${given}`)
    }
  })
  return found
}

interface ProcfileProcess {
  readonly name: string
  readonly serviceName: string
  readonly command: string
  readonly place: string
  /** The numbers that the command fixes. A default for `PORT` is not one of them. */
  readonly numbers: readonly number[]
  /** Whether the command names a port, or `PORT`. */
  readonly namesPort: boolean
}

/** The processes of a Procfile. */
export function processesIn({ content }: SourceFile): ProcfileProcess[] {
  return content.split(/\r?\n/).flatMap((line, index) => {
    const { name = '', command = '' } = PROCESS.exec(line)?.groups ?? {}
    const serviceName = nearestName(name)
    if (serviceName === undefined) return []
    const numbers = numbersIn(command.replace(/\$\{[^}]*\}/g, ''))
    const namesPort = numbers.length > 0 || /\$\{?PORT\b/.test(command)
    const place = `line ${index + 1}`
    return [{ name, serviceName, command: command.trim(), place, numbers, namesPort }]
  })
}

/** The numbers in a command, in their order there, each once. */
export function numbersIn(command: string): number[] {
  const matches = NUMBERS.flatMap((pattern) => [...command.matchAll(pattern)])
  const inOrder = matches.sort((one, other) => one.index - other.index)
  return [...new Set(inOrder.flatMap(([, number = '']) => portIn(number) ?? []))]
}

function firstPort(directory: string): number {
  const variables = parseEnv(textOfFile(join(directory, '.env')) ?? '')
  return portIn(variables.PORT ?? '') ?? FIRST_PORT
}
