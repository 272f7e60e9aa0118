/** The names of the clients' machines: PORTS_HOSTNAME of each. */
export const HOSTNAMES = ['anna', 'berta', 'clara', 'dora'] as const
