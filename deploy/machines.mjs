/** What the clients' machines are called: PORTS_HOSTNAME of each. */
export const HOSTNAMES = ['anna', 'berta', 'clara', 'dora']
