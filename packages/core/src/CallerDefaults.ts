/**
 * Settings for the callers of a store on this machine, such as from a file. A `PortManager` uses
 * them where neither its options nor the environment say otherwise.
 */
export interface CallerDefaults {
  /** The name of this machine in the registry. */
  readonly hostname?: string
  /** The actor that the history shows for every call, whatever a call names. */
  readonly actor?: string
  /** The size of a new range that is created without numbers. */
  readonly rangeSize?: number
}
