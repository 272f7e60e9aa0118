import type { AuditConflict } from './audit/Audit.js'
import type { Metadata, Scope } from './PortAllocation.js'

// The types that programs written for the earlier system import, under their names there. That
// system had a `PortManager` with the same methods.

type Writable<Fields> = { -readonly [Field in keyof Fields]: Fields[Field] }

/** Options of `allocate` and `getOrAllocate`. */
export type AllocatePortOptions = Writable<Metadata & Partial<Scope>>

/** The change that `updatePort` makes. */
export type UpdatePortOptions = Writable<Metadata>

/** A conflict that an audit reports. */
export type PortConflict = Writable<Pick<AuditConflict, 'port' | 'expected'> & { actual: string }>
