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
