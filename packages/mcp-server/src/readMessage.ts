import { counted } from '@ports/core'

/** JSON-RPC 2.0, section 5.1. */
const PARSE_ERROR = -32700
const INVALID_REQUEST = -32600

/**
 * Deeper than any message of the protocol. A value that is nested as deep as the stack would fail
 * wherever it is read.
 */
const MAX_DEPTH = 100
/** An answer repeats the id of its request. */
const MAX_ID_LENGTH = 1000

/** A JSON-RPC error response. */
export interface Refusal {
  readonly jsonrpc: '2.0'
  /** Null if it cannot be known (JSON-RPC 2.0, section 5). */
  readonly id: string | number | null
  readonly error: { readonly code: number; readonly message: string }
}

/** The content of a line, as far as its JSON tells. */
type Read =
  | { readonly message: object }
  | { readonly refusal: Refusal }
  /** Never refused: two peers that refuse each other's refusals would not end. */
  | { readonly response: object }

/** @param line undefined where it was longer than `maxBytes` */
export function readMessage(line: Buffer | undefined, maxBytes: number): Read {
  if (line === undefined) {
    return refused(INVALID_REQUEST, `A line may have at most ${maxBytes} bytes.`)
  }
  const json = parsed(line)
  if (json === undefined) {
    return refused(PARSE_ERROR, `A line of ${counted(line.length, 'byte')} is not JSON in UTF-8.`)
  }
  const { value } = json
  if (Array.isArray(value)) {
    const told = 'This protocol has no batches: send each message on a line of its own.'
    return refused(INVALID_REQUEST, told)
  }
  if (typeof value !== 'object' || value === null) return { refusal: notAMessage(value) }
  if (!('method' in value) && ('result' in value || 'error' in value)) return { response: value }
  if (isDeeper(value, MAX_DEPTH)) {
    const told = `A message may be nested at most ${MAX_DEPTH} deep.`
    return refused(INVALID_REQUEST, told, idIn(value))
  }
  if ('id' in value && idIn(value) === null) return { refusal: notAMessage(value) }
  return { message: withoutNulls(value) }
}

/** The answer to JSON that is not a message of the protocol. */
export function notAMessage(value: unknown): Refusal {
  const told =
    'That is not a message of the protocol: a message has jsonrpc "2.0" and a method, a request ' +
    `also an id, which is a whole number or text of at most ${MAX_ID_LENGTH} characters; params ` +
    'are an object.'
  return refused(INVALID_REQUEST, told, idIn(value)).refusal
}

function refused(code: number, message: string, id: Refusal['id'] = null) {
  return { refusal: { jsonrpc: '2.0', id, error: { code, message } } as const }
}

function parsed(line: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line)) }
  } catch {
    return undefined
  }
}

function idIn(value: unknown): Refusal['id'] {
  const { id } = Object(value) as { id?: unknown }
  if (typeof id === 'string' && id.length <= MAX_ID_LENGTH) return id
  return Number.isSafeInteger(id) ? (id as number) : null
}

/** Level by level, because recursion would be as deep as the value that it judges. */
function isDeeper(value: object, max: number): boolean {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= max) return true
    level = level.flatMap((each) => Object.values(each).filter(isObject))
  }
  return false
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Hosts send null for a parameter that they leave out, which the SDK's schemas do not accept. */
function withoutNulls(message: object): object {
  const { params } = message as { params?: unknown }
  if (!isObject(params) || Array.isArray(params)) return message
  const entries = Object.entries(params).filter(([, value]) => value !== null)
  return { ...message, params: Object.fromEntries(entries) }
}
