import { invalidArgument } from '../errors.js'

export interface PassOverOption {
  /** `none` also allocates numbers that would be passed over. */
  readonly passOver?: 'none'
}

/** @throws {PortsError} `INVALID_ARGUMENT` */
export function validPassOver(field: string, value: unknown): 'none' {
  if (value === 'none') return value
  throw invalidArgument(field, value, 'none, or left out')
}

/** What a call asks for. */
export function callPassOver({ passOver }: PassOverOption): 'none' | undefined {
  return passOver === undefined ? undefined : validPassOver('passOver', passOver)
}

/** What the environment says for all calls. */
export function configuredPassOver(): 'none' | undefined {
  const passOver = process.env.PORTS_PASS_OVER
  return passOver ? validPassOver('PORTS_PASS_OVER', passOver) : undefined
}
