/**
 * What is set for the callers of a store on this machine, such as in a file. A `PortManager` uses it
 * where neither its options nor the environment say otherwise.
 */
export interface CallerDefaults {
  /** What this machine is called in the registry. */
  readonly hostname?: string
  /** The actor that the history shows for every call, whatever a call names. */
  readonly actor?: string
  /** How many ports a new range has that is made without numbers. */
  readonly rangeSize?: number
}
