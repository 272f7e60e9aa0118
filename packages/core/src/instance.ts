import { validName } from './name.js'

/**
 * The text with which an option names the primary instance, whose name is empty. An empty option
 * counts as not given. No other instance can have this name.
 */
const PRIMARY_INSTANCE = '(primary)'

/** The option that means an instance, also for people to read. */
export function nameOfInstance(instance: string): string {
  return instance === '' ? PRIMARY_INSTANCE : instance
}

/**
 * The instance that an option names.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export function validInstance(field: string, value: unknown): string {
  return value === PRIMARY_INSTANCE ? '' : validName(field, value)
}
