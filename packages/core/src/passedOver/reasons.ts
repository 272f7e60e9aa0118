/**
 * Why a number is not allocated automatically, in words that follow the number. If several reasons
 * apply, the first counts: a program on the number is in the way now, and the others may be in the
 * way later.
 */
export const PASS_OVER_REASONS = {
  busy: 'something unknown to the registry listens on it',
  blocked: 'browsers and fetch refuse to open it',
  platform: 'macOS listens on it for AirPlay',
  ephemeral: 'the kernel may give it to an outgoing connection',
  'kernel-reserved': 'the kernel keeps it for an application (ip_local_reserved_ports)',
} as const

export type PassOverReason = keyof typeof PASS_OVER_REASONS

/** Why a service did not get a number, in words that follow the number. */
export const SKIP_REASONS = {
  ...PASS_OVER_REASONS,
  reserved: 'reserved',
  resting: 'it rests for the service that held it last',
  unavailable: "it was preferred, but is held, reserved, resting or not the project's",
} as const

/** Sentences that say which numbers are not passed over on this host, and why. */
export const CANNOT_SEE = {
  'tables-unreadable':
    'Numbers on which something listens are not passed over: this process cannot read the ' +
    "kernel's socket tables, as in a sandbox that hides /proc.",
  'settings-unreadable':
    'Numbers that the kernel may give to an outgoing connection are not passed over: this ' +
    "process cannot read the kernel's settings.",
  'other-network':
    'Numbers on which something listens, and those that the kernel may give to an outgoing ' +
    'connection, are not passed over: this process is not in the network namespace of the ' +
    "host's services, as in a sandbox or a container.",
} as const

export type CannotSee = keyof typeof CANNOT_SEE
