import { given, invalidArgument, type PortsError } from '@ports/core'
import { safeParse, type ZodObject, type z } from 'zod'

/**
 * The arguments in their types. Core judges the values, so that it judges them alike at every
 * interface.
 * @throws {PortsError} `INVALID_ARGUMENT` naming the first field that is wrong
 */
export function parseArguments<Input extends ZodObject>(input: Input, args: unknown) {
  const parsed = input.safeParse(withoutAbsent(input, args))
  if (parsed.success) return parsed.data
  throw asPortsError(parsed.error.issues[0]!, args, Object.keys(input.shape))
}

/** Leaves out arguments that count as not given, except where null has a meaning for the tool. */
function withoutAbsent(input: ZodObject, args: unknown): unknown {
  const entries = Object.entries(Object(args) as object)
  const isOptional = ([name]: [string, unknown]) => {
    const schema = Object.hasOwn(input.shape, name) ? input.shape[name] : undefined
    return isValid(schema, undefined) && !isValid(schema, null)
  }
  const required = entries.filter((entry) => !isOptional(entry))
  return {
    ...Object.fromEntries(required),
    ...given(Object.fromEntries(entries.filter(isOptional))),
  }
}

function isValid(schema: z.core.$ZodType | undefined, value: unknown): boolean {
  return schema !== undefined && safeParse(schema, value).success
}

function asPortsError(issue: z.core.$ZodIssue, args: unknown, known: string[]): PortsError {
  const given = Object(args) as Record<string, unknown>
  if (issue.code === 'unrecognized_keys') {
    const field = issue.keys[0]!
    const expected = known.length > 0 ? `left out; known: ${known.join(', ')}` : 'left out'
    return invalidArgument(field, given[field], expected)
  }
  const field = String(issue.path[0] ?? 'arguments')
  return invalidArgument(field, issue.path.length > 0 ? given[field] : args, expectation(issue))
}

const TYPE_IN_WORDS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_IN_WORDS[issue.expected] ?? `an ${issue.expected}`
    case 'invalid_value':
      return issue.values.join(' or ')
    case 'too_small':
      return `at least ${issue.minimum}`
    case 'too_big':
      return `at most ${issue.maximum}`
    default:
      return issue.message
  }
}
